/** As a method is: not listed among the client's own properties. */
export function hideProperty(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}
