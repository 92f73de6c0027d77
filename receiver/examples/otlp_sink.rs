//! The `otlp` receiver on 127.0.0.1:14317 (gRPC) and :14318 (HTTP) before a consumer that drops
//! everything: what receiving alone costs. Prints the CPU time per million items in the end.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use tapline_config::{ComponentId, Extended, GrpcServerConfig, HttpServerConfig, Optional};
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{BuildContext, Consumer, Outlets, Refusal, Stop};
use tapline_receiver::otlp::{Config, Paths, Protocols, build};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Default)]
struct Drop(AtomicU64);

#[async_trait]
impl Consumer for Drop {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        self.0.fetch_add(u64::from(batch.items()), Relaxed);
        Ok(())
    }
}

fn config() -> Config {
    let grpc = GrpcServerConfig {
        endpoint: "127.0.0.1:14317".to_owned(),
        ..GrpcServerConfig::default()
    };
    let http = HttpServerConfig {
        endpoint: "127.0.0.1:14318".to_owned(),
        ..HttpServerConfig::default()
    };
    Config {
        protocols: Protocols {
            grpc: Optional::On(grpc),
            http: Optional::On(Extended {
                base: http,
                extra: Paths::default(),
            }),
        },
    }
}

/// User and system time of this process, in seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("is Linux");
    let after_name = stat.rsplit_once(") ").expect("has a name").1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("is a number");
    (ticks(11) + ticks(12)) / 100.0
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example")]
async fn main() {
    let id = ComponentId::parse("otlp").expect("is an id");
    let context = BuildContext::alone(id, Signal::Traces);
    let sink = Arc::new(Drop::default());
    let outlets: BTreeMap<Signal, Arc<dyn Consumer>> = Signal::ALL
        .map(|signal| (signal, Arc::clone(&sink) as Arc<dyn Consumer>))
        .into();
    let receiver = build(&config(), &context).expect("is valid");
    let stop = Stop::new();
    let work = receiver.start(Outlets::new(outlets), stop.clone()).await;
    let work = work.expect("the ports are free");
    let stopper = async {
        tokio::signal::ctrl_c().await.expect("can be listened to");
        stop.request();
    };
    let (done, ()) = tokio::join!(work, stopper);
    done.expect("ends well");
    let (items, cpu) = (sink.0.load(Relaxed), cpu_seconds());
    let thousands = u32::try_from(items / 1000).expect("is below four billion");
    let each = cpu / f64::from(thousands) * 1e3;
    println!("{items} items, {cpu:.2} s CPU, {each:.3} s per million");
}
