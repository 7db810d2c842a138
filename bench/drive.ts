/** Keeps `atOnce` calls under way until `calls` are done, and gives calls a second. */
export const drive = async (
  calls: number,
  atOnce: number,
  begin: (n: number) => void,
  onDone: (done: () => void) => void,
): Promise<number> => {
  let [begun, done] = [0, 0];
  const began = process.hrtime.bigint();
  await new Promise<void>((resolve) => {
    onDone(() => {
      if (++done === calls) resolve();
      else if (begun < calls) begin(begun++);
    });
    while (begun < atOnce) begin(begun++);
  });
  return calls / (Number(process.hrtime.bigint() - began) / 1e9);
};
