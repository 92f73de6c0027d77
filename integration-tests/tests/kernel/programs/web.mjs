// A server that keeps connections, and answers in the ways that HTTP allows.
import http from "node:http";

const server = http.createServer((request, response) => {
  request.resume().on("end", () => {
    const path = request.url;
    if (path.endsWith("/missing")) response.writeHead(404).end("not here");
    else if (path.endsWith("/broken")) response.writeHead(500).end("broken");
    else if (path.endsWith("/chunked")) {
      response.write("a".repeat(100));
      setTimeout(() => response.write("b".repeat(150)), 5);
      setTimeout(() => response.end("c".repeat(50)), 10);
    } else {
      response.setHeader("Content-Length", 11);
      response.end("hello world");
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log("listening on port", server.address().port));
