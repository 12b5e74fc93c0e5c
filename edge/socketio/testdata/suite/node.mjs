// Runs the suite in Node and prints a line of JSON for each test. See suite.mjs.
import { run } from "./suite.mjs";

const [url, version, transports, forceBase64, pattern] = process.argv.slice(2);
const library = await import(`client-${version}`);
const io = library.io ?? library.default; // 2.x is a CommonJS module
await run({ io, url, version, transports, forceBase64: forceBase64 === "true", pattern }, (result) => {
  console.log(JSON.stringify(result));
});
process.exit(0); // whatever timers a client has left
