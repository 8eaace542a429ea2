//! OpenADR 3.1 VTN (`openleadr-vtn`) on the loopback address given as the only argument, for example `127.0.0.1:8060`.
//!
//! Standard input holds the secret that signs tokens, at least 32 characters: not the environment, which other processes
//! of the same user can read, nor the command line. `DATABASE_URL` and `RUST_LOG` come from the environment.
//! Unlike the stock program it never listens beyond this machine, and it ends with exit code 1 when the database cannot
//! be reached or migrated.

use std::{env, error::Error, io, net::SocketAddr, process::ExitCode, time::Duration};

use base64::{prelude::BASE64_STANDARD, Engine};
use openleadr_vtn::{
    data_source::{Migrate, PostgresStorage},
    state::AppState,
    VtnConfig,
};
use sqlx::postgres::PgPoolOptions;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    signal::unix::{signal, SignalKind},
    time::sleep,
};
use tracing_subscriber::EnvFilter;

/// How long a request waits for the database before it is refused.
const DATABASE_WAIT: Duration = Duration::from_secs(5);
/// How long requests under way may take once the program is told to end.
const LAST_REQUESTS: Duration = Duration::from_secs(5);
const SHORTEST_SECRET: usize = 32;

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_ansi(false).init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let given = env::args().nth(1).unwrap_or_default();
    let address: SocketAddr = given
        .parse()
        .ok()
        .filter(|address: &SocketAddr| address.ip().is_loopback())
        .ok_or_else(|| format!("address {given:?}; allowed: a loopback address with its port, such as 127.0.0.1:8060"))?;
    let secret = io::read_to_string(io::stdin())?;
    if secret.trim().len() < SHORTEST_SECRET {
        return Err(format!("standard input: allowed: a secret of at least {SHORTEST_SECRET} characters").into());
    }
    // What the library reads; set before there is any other thread.
    env::set_var("OAUTH_TYPE", "INTERNAL");
    env::set_var("OAUTH_KEY_TYPE", "HMAC");
    env::set_var("OAUTH_BASE64_SECRET", BASE64_STANDARD.encode(secret.trim()));
    env::set_var("OAUTH_TOKEN_URL", format!("http://{address}/auth/token"));
    Runtime::new()?.block_on(serve(address))
}

async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let database_url = env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
    let database = PgPoolOptions::new()
        .min_connections(1)
        .acquire_timeout(DATABASE_WAIT)
        .connect(&database_url)
        .await
        .map_err(|problem| format!("the database cannot be reached: {problem}"))?;
    let storage = PostgresStorage::new(database)?;
    storage.migrate().await.map_err(|problem| format!("the database cannot be migrated: {problem}"))?;
    let router = AppState::new(storage, &VtnConfig::from_env()).await.into_router();
    let listener = TcpListener::bind(address).await.map_err(|problem| format!("{address}: {problem}"))?;
    let mut ended = signal(SignalKind::terminate())?;
    let mut overdue = signal(SignalKind::terminate())?;
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        ended.recv().await;
    });
    tokio::select! {
        done = async { server.await } => done?,
        () = async { overdue.recv().await; sleep(LAST_REQUESTS).await } => {}
    }
    Ok(())
}
