// A server that waits until two requests are open, then asks another server for both, on its one
// thread.   Usage: pair.mjs PORT
import http from "node:http";

const open = [];
const server = http.createServer((request, response) => {
  open.push([request.url, response]);
  if (open.length < 2) return;
  for (const [url, response] of open.splice(0)) {
    const target = { port: process.argv[2], path: url.replace("/in", "/up"), agent: false };
    http.get(target, (upstream) => upstream.resume().on("end", () => response.end("both")));
  }
});
server.listen(0, "127.0.0.1", () => console.log("listening on port", server.address().port));
