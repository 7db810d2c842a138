const TRACE = Symbol.for('tidewire.trace');

/**
 * The value as plain data: errors as objects with all their fields, items without their trace. Everything that comparing
 * would otherwise overlook or trip over.
 *
 * @internal
 */
export const plainly = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plainly);
  if (value instanceof Error) {
    const { name, message, cause } = value;
    return { ...fields(value), name, message, ...(cause !== undefined && { cause: plainly(cause) }) };
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? fields(value) : value;
};

const fields = (value: object): Record<PropertyKey, unknown> => {
  const plain: Record<PropertyKey, unknown> = {};
  for (const key of Reflect.ownKeys(value)) {
    if (key === TRACE || key === 'stack') continue;
    plain[key] = plainly((value as Record<PropertyKey, unknown>)[key]);
  }
  return plain;
};
