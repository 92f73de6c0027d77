// Asks a server of MySQL's protocol with mysql2: prepared statements, an error, a query.
import { createRequire } from "node:module";

const { createConnection } = createRequire(import.meta.url)("mysql2/promise");
const database = "node";
const connection = await createConnection({ host: "127.0.0.1", port: +process.argv[2], user: "root", database });
for (const host of ["d4e5", "%"]) {
    await connection.execute("SELECT user FROM mysql.user WHERE host = ?", [host]);
}
await connection.execute("SELECT nope FROM mysql.user", []).catch(() => {});
await connection.query("SELECT user FROM mysql.user WHERE host = 'd4e5'");
await connection.end();
