// Asks a server over TLS on many connections at once, each of which asks for paths of its own.
// Usage: tls_ask.mjs PORT COUNT REQUESTS PREFIX
import https from "node:https";

const [port, count, requests, prefix] = process.argv.slice(2);

function ask(agent, path) {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, agent, rejectUnauthorized: false };
    const request = https.get(options, (response) => {
      let body = "";
      response.on("data", (part) => (body += part));
      response.on("end", () => {
        if (response.statusCode === 200 && body === path) resolve();
        else reject(new Error(`${response.statusCode} ${body} for ${path}`));
      });
    });
    request.on("error", reject);
  });
}

async function talk(connection) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  for (let request = 0; request < Number(requests); request += 1) {
    await ask(agent, `/${prefix}/${connection}/${request}`);
  }
  agent.destroy();
}

await Promise.all(Array.from({ length: Number(count) }, (_, connection) => talk(connection)));
