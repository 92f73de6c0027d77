//! Command lines and files in, names out.

use std::{cell::RefCell, collections::HashMap, fs, path::PathBuf, process};

use super::*;

/// Files that exist in a table only.
#[derive(Default)]
struct Table {
    files: HashMap<String, Vec<u8>>,
    folder: Option<String>,
    executables: Vec<String>,
    written: RefCell<Vec<PathBuf>>,
}

impl Table {
    fn at(folder: &str) -> Self {
        let mut table = Self::default();
        table.folder = Some(folder.to_owned());
        table
    }

    fn with(mut self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.files
            .insert(path.to_owned(), contents.as_ref().to_vec());
        self
    }

    fn leading(mut self, path: &str) -> Self {
        self.executables.push(path.to_owned());
        self
    }
}

impl Files for Table {
    fn open(&self, path: &str) -> Option<File> {
        let whole = match &self.folder {
            Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
            _ => path.to_owned(),
        };
        let contents = self.files.get(&whole)?;
        let number = self.written.borrow().len();
        let name = format!("tapline-names-{}-{:p}-{number}", process::id(), self);
        let at = std::env::temp_dir().join(name);
        fs::write(&at, contents).expect("a file");
        self.written.borrow_mut().push(at.clone());
        File::open(at).ok()
    }

    fn folder(&self) -> Option<String> {
        self.folder.clone()
    }

    fn is_executable(&self, path: &str) -> bool {
        self.executables.iter().any(|known| known == path)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for path in self.written.borrow().iter() {
            let _gone = fs::remove_file(path);
        }
    }
}

fn name(command: &str, files: &dyn Files) -> String {
    let args: Vec<&str> = command.split(' ').collect();
    from_program(args[0], &args, files)
}

/// A process that wrote a title in place of its arguments.
fn titled(executable: &str, title: &str) -> String {
    from_program(executable, &[title], &NoFiles)
}

#[test]
fn names_programs_by_what_they_run() {
    for (command, expected) in [
        ("/usr/sbin/nginx -g daemon_off", "nginx"),
        ("/opt/app/server-2 --x", "server-2"),
        ("/usr/bin/python3.11 -m http.server 8080", "http.server"),
        (
            "/usr/bin/python3 -u -W ignore /srv/shop/checkout.py --port 1",
            "checkout",
        ),
        ("/usr/bin/python3 -c password='s3cret'", "python3"),
        ("/usr/bin/python3", "python3"),
        ("/usr/bin/node --require ./trace.js server.mjs", "server"),
        ("/usr/bin/node -e secret()", "node"),
        ("/usr/bin/deno run --allow-net app.ts", "app"),
        (
            "/usr/bin/java -Xmx1g -cp a.jar:b.jar com.acme.Main x",
            "com.acme.Main",
        ),
        ("/usr/lib/jvm/bin/java -jar /opt/orders-1.2.jar", "orders"),
        (
            "/usr/bin/java -p mods --module shop/com.acme.Main",
            "com.acme.Main",
        ),
        ("/usr/bin/dotnet Shop.Api.dll", "Shop.Api"),
        (
            "/usr/bin/dotnet exec --depsfile x.json Shop.Api.dll",
            "Shop.Api",
        ),
        ("/srv/shop/Shop.Api --urls x", "Shop.Api"),
        ("/usr/bin/bash /srv/run.sh", "run"),
        ("/usr/bin/perl -I lib /srv/app.pl", "app"),
        (
            "/usr/lib/erlang/bin/beam.smp -W w -- -sname rabbit@host -noshell",
            "rabbit",
        ),
        ("/usr/bin/busybox httpd -f", "httpd"),
    ] {
        assert_eq!(name(command, &NoFiles), expected, "{command}");
    }
}

#[test]
fn names_the_application_of_python_servers_and_tools() {
    for (command, expected) in [
        ("/usr/bin/gunicorn -w 2 -b 0.0.0.0:8000 app:app", "app"),
        (
            "/srv/venv/bin/gunicorn --bind localhost:80 shop.wsgi:application",
            "shop",
        ),
        ("/usr/bin/gunicorn app:create_app() -k gevent", "app"),
        ("/usr/bin/gunicorn -c conf.py shop.wsgi", "shop"),
        ("-m gunicorn app:app", "app"),
        ("-m uvicorn src.main:app --host 0.0.0.0", "src.main"),
        ("/usr/bin/uvicorn main:app", "main"),
        ("/usr/bin/celery -A proj worker -l info", "proj"),
        ("/usr/bin/celery --app=proj.celery:app beat", "proj"),
        ("/usr/bin/flask --app shop run", "shop"),
        ("/usr/bin/flask run", "flask"),
        ("/usr/bin/streamlit run dash.py", "dash"),
        ("/srv/shop/manage.py runserver", "shop"),
        ("manage.py runserver", "store"),
        ("-m celery -A proj worker", "proj"),
        ("-m shop.worker", "shop.worker"),
    ] {
        let command = format!("/usr/bin/python3 {command}");
        assert_eq!(
            name(&command, &Table::at("/srv/store")),
            expected,
            "{command}"
        );
    }
}

#[test]
fn names_what_a_process_calls_itself() {
    for (executable, title, expected) in [
        ("/usr/sbin/php-fpm8.2", "php-fpm: pool www", "www"),
        (
            "/usr/sbin/php-fpm8.2",
            "php-fpm: master process (/etc/php/fpm.conf)",
            "php-fpm8.2",
        ),
        ("/usr/sbin/nginx", "nginx: worker process", "nginx"),
        (
            "/usr/bin/ruby3.1",
            "puma 6.4.2 (tcp://0.0.0.0:3000) [shop]",
            "shop",
        ),
        (
            "/usr/bin/ruby3.1",
            "puma: cluster worker 0: 17 [shop]",
            "shop",
        ),
        (
            "/usr/bin/ruby3.1",
            "sidekiq 7.2.1 shop [0 of 5 busy]",
            "shop",
        ),
        (
            "/usr/bin/python3.11",
            "gunicorn: worker [shop.wsgi:application]",
            "shop",
        ),
        ("/usr/bin/node", "node /srv/cart.js", "cart"),
        (
            "/usr/lib/postgresql/15/bin/postgres",
            "postgres: walwriter ",
            "postgres",
        ),
    ] {
        assert_eq!(titled(executable, title), expected, "{title}");
    }
}

#[test]
fn takes_the_name_of_the_package_that_a_script_belongs_to() {
    let files = || {
        Table::at("/srv/shop")
            .with(
                "/srv/shop/package.json",
                r#"{"version": "1.0.0", "name": "@acme/shop"}"#,
            )
            .with("/srv/odd/package.json", "{ no json")
            .with(
                "/srv/shop/node_modules/next/package.json",
                r#"{"name": "next"}"#,
            )
    };
    for (command, expected) in [
        ("/usr/bin/node server.js", "@acme/shop"),
        ("/usr/bin/node dist/src/index.js", "@acme/shop"),
        ("/usr/bin/node ./../shop/dist/index.js", "@acme/shop"),
        ("/usr/bin/node /srv/shop/dist/index.js", "@acme/shop"),
        (
            "/usr/bin/node /srv/shop/node_modules/.bin/next start",
            "@acme/shop",
        ),
        (
            "/usr/bin/node node_modules/next/dist/bin/next start",
            "@acme/shop",
        ),
        ("/usr/bin/node /srv/odd/index.js", "index"),
        ("/usr/bin/node /srv/none/index.js", "index"),
    ] {
        assert_eq!(name(command, &files()), expected, "{command}");
    }
}

#[test]
fn names_java_by_property_manifest_and_archive() {
    let spring = "Manifest-Version: 1.0\r\nMain-Class: org.springframework.boot.loader.JarLauncher\r\n\
                  Start-Class: com.acme.orders.Orders\r\n Application\r\n\r\nName: x\r\n\
                  Implementation-Title: wrong\r\n";
    let titled = "Manifest-Version: 1.0\nImplementation-Title: Orders Service\n";
    let files = || {
        Table::at("/app")
            .with(
                "/app/titled.jar",
                zip("META-INF/MANIFEST.MF", titled.as_bytes(), 0),
            )
            .with(
                "/app/spring.jar",
                zip("META-INF/MANIFEST.MF", spring.as_bytes(), 8),
            )
            .with("/app/other-2.0.1-SNAPSHOT.jar", zip("a.txt", b"x", 0))
            .with("/app/META-INF/MANIFEST.MF", titled)
            .with("/app/broken-1.0.jar", b"PK\x05\x06 and then nothing")
    };
    for (command, expected) in [
        ("-jar titled.jar", "Orders Service"),
        ("-jar /app/spring.jar", "OrdersApplication"),
        ("-jar other-2.0.1-SNAPSHOT.jar", "other"),
        ("-jar broken-1.0.jar", "broken"),
        ("-jar missing-service-v2.jar", "missing-service"),
        ("-jar log4j-2-service.jar", "log4j-2-service"),
        ("-jar app-1.0.0-exec.jar", "app"),
        ("-Dspring.application.name=cart -jar titled.jar", "cart"),
        (
            "-Dspring.application.name=cart -Dotel.service.name=till -jar x.jar",
            "till",
        ),
        (
            "-Dspring.application.name=${NAME} -jar titled.jar",
            "Orders Service",
        ),
        (
            "org.springframework.boot.loader.launch.JarLauncher",
            "Orders Service",
        ),
        (
            "-cp x org.apache.catalina.startup.Bootstrap start",
            "tomcat",
        ),
        ("kafka.Kafka server.properties", "kafka"),
    ] {
        let command = format!("/usr/bin/java {command}");
        assert_eq!(name(&command, &files()), expected, "{command}");
    }
}

#[test]
fn an_archive_cut_off_anywhere_is_only_less_well_named() {
    let whole = zip("META-INF/MANIFEST.MF", b"Implementation-Title: Orders\n", 8);
    for end in 0..whole.len() {
        let files = Table::at("/app").with("/app/orders.jar", &whole[..end]);
        let told = name("/usr/bin/java -jar orders.jar", &files);
        assert!(told == "orders" || told == "Orders", "{told} at {end}");
        let mut spoilt = whole.clone();
        spoilt[end] ^= 0xff;
        let files = Table::at("/app").with("/app/orders.jar", &spoilt);
        assert!(!name("/usr/bin/java -jar orders.jar", &files).is_empty());
    }
}

#[test]
fn names_ruby_and_php_projects_by_their_folder() {
    for (command, folder, expected) in [
        (
            "/usr/bin/ruby /usr/bin/puma -C config/puma.rb",
            "/srv/shop",
            "shop",
        ),
        (
            "/usr/bin/ruby bin/rails server",
            "/srv/shop/current",
            "shop",
        ),
        (
            "/usr/bin/ruby /usr/bin/rackup",
            "/srv/shop/releases/20240517",
            "shop",
        ),
        (
            "/usr/bin/ruby /usr/bin/bundle exec puma",
            "/srv/shop",
            "shop",
        ),
        ("/usr/bin/ruby worker.rb", "/srv/shop", "worker"),
        ("/usr/bin/ruby -e secret", "/srv/shop", "ruby"),
        ("/usr/bin/php artisan serve", "/srv/shop", "shop"),
        (
            "/usr/bin/php bin/console messenger:consume",
            "/srv/shop",
            "shop",
        ),
        (
            "/usr/bin/php -S 0.0.0.0:80 -t public router.php",
            "/srv/shop",
            "router",
        ),
        ("/usr/bin/php8.2 -f job.php", "/srv/shop", "job"),
    ] {
        assert_eq!(name(command, &Table::at(folder)), expected, "{command}");
    }
}

#[test]
fn takes_the_name_it_was_called_by_when_that_leads_to_the_same_file() {
    let debian = || Table::default().leading("/usr/bin/redis-server");
    let args = ["/usr/bin/redis-server 127.0.0.1:6379"];
    let file = "/usr/bin/redis-check-rdb";
    assert_eq!(from_program(file, &args, &debian()), "redis-server");
    assert_eq!(
        from_program(file, &["redis-server"], &debian()),
        "redis-server"
    );
    assert_eq!(
        from_program(file, &["redis-sentinel"], &debian()),
        "redis-check-rdb"
    );
    assert_eq!(from_program(file, &["-bash"], &debian()), "redis-check-rdb");
    assert_eq!(
        from_program("/bin/busybox", &["wget", "-q"], &NoFiles),
        "wget"
    );
    assert_eq!(
        from_program("/bin/busybox", &["busybox", "nc"], &NoFiles),
        "nc"
    );
}

#[test]
fn names_a_script_whose_record_names_it_instead_of_the_interpreter() {
    let args = ["/usr/bin/python3", "-u", "/srv/app.py", "--x"];
    assert_eq!(from_program("/srv/app.py", &args, &NoFiles), "app");
    let args = ["/bin/sh", "/srv/start", "--x"];
    assert_eq!(from_program("/srv/start", &args, &NoFiles), "start");
}

#[test]
fn survives_a_replaced_binary_and_an_empty_path() {
    assert_eq!(
        from_program("/usr/bin/curl (deleted)", &["curl"], &NoFiles),
        "curl"
    );
    assert_eq!(
        from_program("/memfd:app (deleted)", &["x"], &NoFiles),
        "app"
    );
    assert_eq!(
        from_program("/nix/store/x/bin/.app-wrapped", &[], &NoFiles),
        "app"
    );
    assert_eq!(from_program("", &[], &NoFiles), "unknown_service");
    assert_eq!(from_program("", &[""], &NoFiles), "unknown_service");
    assert_eq!(
        from_program("/usr/bin/python3", &["python3", ""], &NoFiles),
        "python3"
    );
}

#[test]
fn ignores_names_that_nobody_meant() {
    assert_eq!(accepted("$(SERVICE)"), None);
    assert_eq!(accepted("  "), None);
    assert_eq!(accepted(" cart "), Some("cart".to_owned()));
    assert_eq!(accepted(&"é".repeat(200)).map(|name| name.len()), Some(128));
}

#[test]
fn knows_the_language_of_an_interpreter() {
    assert_eq!(language("/usr/bin/python3.11"), Some("python"));
    assert_eq!(language("/usr/sbin/php-fpm8.2"), Some("php"));
    assert_eq!(language("/usr/sbin/nginx"), None);
}

/// An archive of one file.
fn zip(name: &str, contents: &[u8], method: u16) -> Vec<u8> {
    use std::io::Write;

    let packed = if method == 8 {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(contents).expect("memory");
        encoder.finish().expect("memory")
    } else {
        contents.to_vec()
    };
    let u16s = |values: &[u16]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let u32s = |values: &[usize]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|v| u32::try_from(*v).expect("small").to_le_bytes())
            .collect()
    };
    let sizes = u32s(&[0, packed.len(), contents.len()]);
    let name_len = u16::try_from(name.len()).expect("short");
    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend(u16s(&[20, 0, method, 0, 0]));
    archive.extend(&sizes);
    archive.extend(u16s(&[name_len, 3]));
    archive.extend(name.as_bytes());
    archive.extend(b"xxx");
    archive.extend(&packed);
    let directory = archive.len();
    archive.extend(b"PK\x01\x02");
    archive.extend(u16s(&[20, 20, 0, method, 0, 0]));
    archive.extend(&sizes);
    archive.extend(u16s(&[name_len, 0, 0, 0, 0]));
    archive.extend(u32s(&[0, 0]));
    archive.extend(name.as_bytes());
    let size = archive.len() - directory;
    archive.extend(b"PK\x05\x06");
    archive.extend(u16s(&[0, 0, 1, 1]));
    archive.extend(u32s(&[size, directory]));
    archive.extend(u16s(&[0]));
    archive
}
