// An HTTP/2 server and a client of it, in one process, over a loopback port that it prints.
import http2 from 'node:http2';

const cancel = http2.constants.NGHTTP2_CANCEL;
const server = http2.createServer();
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  const path = headers[':path'];
  if (path === '/b3d4/early') stream.additionalHeaders({ ':status': 103, link: '</a>' });
  if (path === '/b3d4/reset') return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  if (path === '/b3d4/slow') return undefined;
  if (path === '/b3d4/soon') {
    stream.respond({ ':status': 413 });
    return stream.end('no');
  }
  stream.respond({ ':status': 200, 'content-type': 'text/plain' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
  return stream.end('ok');
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
console.log(`listening on port ${server.address().port}`);
for await (const _ of process.stdin) break;

const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
const ask = (headers, body, more = () => {}) =>
  new Promise((done) => {
    const request = client.request(headers, { endStream: body === undefined });
    request.on('error', () => {});
    request.on('close', done);
    request.resume();
    if (body) request.end(body);
    more(request);
  });
await ask({ ':path': '/b3d4/plain?secret=b3d4-secret' });
await ask({ ':path': '/b3d4/early' });
await ask({ ':path': '/b3d4/reset' });
await ask({ ':path': '/b3d4/post', ':method': 'PUT' }, 'x'.repeat(7000));
await ask({ ':path': '/b3d4/soon', ':method': 'POST' }, null, (request) => {
  request.on('end', () => request.close(cancel));
});
await ask({ ':path': '/b3d4/slow' }, undefined, (request) => {
  setTimeout(() => request.close(cancel), 20);
});
await ask({ ':path': '/b3d4/last' });
client.close();
server.close();
console.log('done');
