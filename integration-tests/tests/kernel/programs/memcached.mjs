// Asks memcached for one of each, in binary. The port is the first argument.
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_PATH + "/");
const memjs = require("memjs");
const client = memjs.Client.create("127.0.0.1:" + process.argv[2], { retries: 1 });
await client.set("e5f4-a", "e5f4-value", {});
const { value } = await client.get("e5f4-a");
if (value.toString() !== "e5f4-value") throw new Error("not what was set");
await client.get("e5f4-absent");
await client.increment("e5f4-n", 1, { initial: 5 });
await client.delete("e5f4-a");
await client.flush();
client.close();
