//! Serves the simulator over HTTP: `cargo run -p rds-simulator --example serve -- 127.0.0.1:4510 world.json 600`.
//!
//! Arguments: address to listen on, world file (an empty world without one), simulated seconds to a second.

use std::process::ExitCode;
use std::time::SystemTime;

use rds_simulator::{Options, Simulator, World, serve};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                message = format!("{message}: {cause}");
                source = cause.source();
            }
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:4510".to_owned());
    let world = match arguments.next() {
        Some(path) => World::from_json(&std::fs::read_to_string(path)?)?,
        None => World::default(),
    };
    let speed = arguments.next().map_or(Ok(1.0), |speed| speed.parse())?;
    let simulator = Simulator::new(world, Options { seed: 0, start_time: SystemTime::now(), speed })?;
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    serve(simulator, listener).await?;
    Ok(())
}
