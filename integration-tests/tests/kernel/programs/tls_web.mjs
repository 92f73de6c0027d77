// A server over TLS that keeps connections and answers every path with itself.
// Usage: tls_web.mjs CERTIFICATE
import fs from "node:fs";
import https from "node:https";

const pem = fs.readFileSync(process.argv[2]);
const server = https.createServer({ key: pem, cert: pem }, (request, response) => {
  response.setHeader("Content-Length", request.url.length);
  response.end(request.url);
});
server.listen(0, "127.0.0.1", 128, () => console.log("listening on port", server.address().port));
