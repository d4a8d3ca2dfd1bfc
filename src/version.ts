/** Version of this package; a test holds it to package.json, so that nothing reads files at load. */
export const VERSION = "0.1.0";
