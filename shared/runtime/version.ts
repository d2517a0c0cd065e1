import manifest from "../../package.json" with { type: "json" };

/** The platform's version, as in `package.json`. */
export const platformVersion: string = manifest.version;
