use tokio::sync::watch;

/// What the run is told to do; each line outranks those above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on.
    Run,
    /// End what runs, with grace; start nothing.
    Stop(String),
    /// End what runs at once.
    Kill(String),
}

impl Order {
    /// Why the rest is not run; none while the run goes on.
    pub(crate) fn why(&self) -> Option<&str> {
        match self {
            Self::Run => None,
            Self::Stop(why) | Self::Kill(why) => Some(why),
        }
    }
}

/// The order as the units see it.
pub(crate) type Orders = watch::Receiver<Order>;

/// Comes back when there is another order than to run.
pub(crate) async fn stopped(orders: &mut Orders) -> Order {
    match orders.wait_for(|order| *order != Order::Run).await {
        Ok(order) => order.clone(),
        // The dispatcher is gone: nobody listens any more.
        Err(_) => Order::Kill("the runner ended".into()),
    }
}

/// Comes back when everything must end at once.
pub(crate) async fn killed(orders: &mut Orders) {
    let _ = orders
        .wait_for(|order| matches!(order, Order::Kill(_)))
        .await;
}

/// The name of a signal.
pub(crate) fn name(signal: i32) -> String {
    let known = [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (4, "SIGILL"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (13, "SIGPIPE"),
        (14, "SIGALRM"),
        (15, "SIGTERM"),
        (24, "SIGXCPU"),
        (25, "SIGXFSZ"),
        (31, "SIGSYS"),
    ];
    known
        .iter()
        .find(|(number, _)| *number == signal)
        .map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).into())
}
