//! The few threads for what would block: asking the system's resolver, and sending the last bytes of a connection
//! that its user has already let go.
//!
//! They belong to the process, not to an object, since a lookup that hangs cannot be stopped: it outlives whoever asked.
//! [`shut_down`] ends those that are idle, and keeps the library's code mapped for those that are not.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::lock::lock;
use crate::sweep;
use crate::sys;

/// For names that are being looked up.
pub(crate) static LOOKUPS: Pool = Pool::new();

/// For connections whose queue is being sent after their end. Lookups that hang do not hold these up.
pub(crate) static CLOSINGS: Pool = Pool::new();

/// How many jobs of a pool can be under way at once; the others wait for their turn.
const MAX_THREADS: usize = 16;

/// Threads that are started when there is something to do.
pub(crate) struct Pool {
    state: Mutex<State>,
    job_or_end: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    workers: Vec<Worker>,
    /// Which set of workers is wanted: one that finds another number than its own ends.
    generation: u64,
    /// Between [`shut_down`] and [`start_up`] nothing begins.
    is_shut_down: bool,
}

type Job = Box<dyn FnOnce() + Send>;

struct Worker {
    thread: JoinHandle<()>,
    is_busy: Arc<AtomicBool>,
}

impl Pool {
    const fn new() -> Pool {
        Pool {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                workers: Vec::new(),
                generation: 0,
                is_shut_down: false,
            }),
            job_or_end: Condvar::new(),
        }
    }

    /// Runs `job` on one of the threads. If the system has none to give, or the library is being unloaded, it is dropped.
    pub(crate) fn run(&'static self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        if state.is_shut_down {
            return;
        }
        state.jobs.push_back(Box::new(job));
        let is_idle = |worker: &&Worker| !worker.is_busy.load(Ordering::Relaxed);
        let idle = state.workers.iter().filter(is_idle).count();
        if idle < state.jobs.len() && state.workers.len() < MAX_THREADS {
            let is_busy = Arc::new(AtomicBool::new(false));
            let generation = state.generation;
            let flag = is_busy.clone();
            let spawned = std::thread::Builder::new()
                .name("stream-socket".into())
                .spawn(move || self.work(generation, &flag));
            match spawned {
                Ok(thread) => state.workers.push(Worker { thread, is_busy }),
                Err(_) if state.workers.is_empty() => state.jobs.clear(),
                Err(_) => {}
            }
        }
        drop(state);
        self.job_or_end.notify_one();
    }

    fn work(&self, generation: u64, is_busy: &AtomicBool) {
        let mut state = self.lock();
        while state.generation == generation {
            let Some(job) = state.jobs.pop_front() else {
                state = self
                    .job_or_end
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            is_busy.store(true, Ordering::Relaxed);
            drop(state);
            // A job that panics has been reported by the panic hook; the next one gets its turn.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            state = self.lock();
            is_busy.store(false, Ordering::Relaxed);
        }
    }

    fn shut_down(&self) {
        let workers = {
            let mut state = self.lock();
            state.generation += 1;
            state.is_shut_down = true;
            state.jobs.clear();
            std::mem::take(&mut state.workers)
        };
        self.job_or_end.notify_all();
        // A worker that was busy a moment ago may have become idle: then it ends without being waited for, which the
        // mapped library allows. One that was idle cannot have become busy: there were no jobs left.
        let (busy, idle): (Vec<_>, Vec<_>) = workers
            .into_iter()
            .partition(|worker| worker.is_busy.load(Ordering::Relaxed));
        if !busy.is_empty() {
            sys::keep_library_mapped();
        }
        for worker in idle {
            let _ = worker.thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Allows jobs again after a [`shut_down`], for a library that was kept mapped and is loaded once more.
pub fn start_up() {
    for pool in [&LOOKUPS, &CLOSINGS] {
        pool.lock().is_shut_down = false;
    }
}

/// Ends the idle threads and forgets the jobs that have not begun. Called before the library is unloaded; if a job is
/// still under way, the library stays mapped for it, for the rest of the process.
pub fn shut_down() {
    for pool in [&LOOKUPS, &CLOSINGS] {
        pool.shut_down();
    }
    sweep::shut_down();
}
