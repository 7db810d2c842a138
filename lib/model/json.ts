/** Anything that survives `JSON.stringify` and `JSON.parse`. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}
