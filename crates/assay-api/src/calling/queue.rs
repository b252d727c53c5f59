use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// Who goes first. Of one priority, who came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    /// Before all others.
    High,
    /// As most.
    #[default]
    Normal,
    /// When nobody else waits.
    Low,
}

/// So many calls at a time; so many that wait; the rest are refused at once. Clones share it.
#[derive(Debug, Clone)]
pub struct Queue(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    most_waiting: usize,
    /// By priority, then by when they came.
    waiting: BTreeMap<(Priority, u64), oneshot::Sender<Place>>,
    came: u64,
}

/// A place in which a call is made. It is free again when this is dropped.
#[derive(Debug)]
pub struct Place(Option<Queue>);

/// Nobody else may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} calls wait already")]
pub struct Full(pub usize);

impl Queue {
    /// With so many places, and so many that may wait for one.
    #[must_use]
    pub fn new(places: usize, most_waiting: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: places,
            most_waiting,
            waiting: BTreeMap::new(),
            came: 0,
        })))
    }

    /// Waits for a place. Who stops waiting takes none.
    ///
    /// # Errors
    /// [`Full`], at once.
    pub async fn place(&self, priority: Priority) -> Result<Place, Full> {
        let receiver = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.free > 0 {
                state.free -= 1;
                return Ok(Place(Some(self.clone())));
            }
            state.waiting.retain(|_, sender| !sender.is_closed());
            if state.waiting.len() >= state.most_waiting {
                return Err(Full(state.waiting.len()));
            }
            let (sender, receiver) = oneshot::channel();
            state.came += 1;
            let number = (priority, state.came);
            state.waiting.insert(number, sender);
            receiver
        };
        // The other end is dropped by nobody but the queue, which lives as long as this.
        receiver.await.map_err(|_| Full(0))
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state
            .waiting
            .values()
            .filter(|sender| !sender.is_closed())
            .count()
    }

    fn free(&self) {
        let mut place = Place(Some(self.clone()));
        loop {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((_, sender)) = state.waiting.pop_first() else {
                state.free += 1;
                place.0 = None;
                return;
            };
            drop(state);
            match sender.send(place) {
                Ok(()) => return,
                // It waits no more: the next one.
                Err(back) => place = back,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.free();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_at_a_time_than_there_are_places_and_none_is_lost() {
        let queue = Queue::new(3, 1000);
        let (now, most, done) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicUsize::new(0)),
        );
        let calls: Vec<_> = (0..200_u64)
            .map(|number| {
                let (queue, now, most, done) = (
                    queue.clone(),
                    Arc::clone(&now),
                    Arc::clone(&most),
                    Arc::clone(&done),
                );
                tokio::spawn(async move {
                    let place = queue.place(Priority::Normal).await.expect("a place");
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    sleep(Duration::from_millis(number % 7)).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                    drop(place);
                })
            })
            .collect();
        for call in calls {
            call.await.expect("a call");
        }
        assert_eq!(
            (
                most.load(Ordering::SeqCst),
                done.load(Ordering::SeqCst),
                queue.waiting()
            ),
            (3, 200, 0)
        );
        // Every place is free again.
        let places: Vec<_> = [
            queue.place(Priority::Low).await,
            queue.place(Priority::Low).await,
            queue.place(Priority::Low).await,
        ]
        .into();
        assert!(places.iter().all(Result::is_ok));
    }

    #[tokio::test(start_paused = true)]
    async fn who_came_first_goes_first_but_for_priorities() {
        let queue = Queue::new(1, 10);
        let place = queue.place(Priority::Normal).await.expect("a place");
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut calls = Vec::new();
        for (name, priority) in [
            ("a", Priority::Normal),
            ("low", Priority::Low),
            ("b", Priority::Normal),
            ("high", Priority::High),
        ] {
            let (own, order) = (queue.clone(), Arc::clone(&order));
            calls.push(tokio::spawn(async move {
                let _place = own.place(priority).await.expect("a place");
                order.lock().expect("the order").push(name);
            }));
            while queue.waiting() < calls.len() {
                tokio::task::yield_now().await;
            }
        }
        drop(place);
        for call in calls {
            call.await.expect("a call");
        }
        assert_eq!(*order.lock().expect("the order"), ["high", "a", "b", "low"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_fit_is_refused_and_who_leaves_takes_no_place() {
        let queue = Queue::new(1, 1);
        let place = queue.place(Priority::Normal).await.expect("a place");
        let own = queue.clone();
        let waiting = tokio::spawn(async move { own.place(Priority::Normal).await.map(drop) });
        while queue.waiting() < 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            queue.place(Priority::High).await.expect_err("full"),
            Full(1)
        );
        waiting.abort();
        let _ = waiting.await;
        let own = queue.clone();
        let next = tokio::spawn(async move { own.place(Priority::Normal).await.map(drop) });
        while queue.waiting() < 1 {
            tokio::task::yield_now().await;
        }
        drop(place);
        next.await.expect("a call").expect("a place");
        assert!(queue.place(Priority::Normal).await.is_ok());
    }
}
