//! The few threads for what would block: asking the system's resolver, and sending the last bytes of a connection
//! that its user has already let go.
//!
//! They belong to the process, not to an object, since a lookup that hangs cannot be stopped: it outlives whoever asked.
//! [`shut_down`] ends those that are idle, and keeps the library's code mapped for those that are not.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::sys;

/// How many jobs can be under way at once; the others wait for their turn.
const MAX_THREADS: usize = 8;

type Job = Box<dyn FnOnce() + Send>;

struct Pool {
    jobs: VecDeque<Job>,
    workers: Vec<Worker>,
    /// Which set of workers is wanted: one that finds another number than its own ends.
    generation: u64,
    /// Between [`shut_down`] and [`start_up`] nothing begins.
    is_shut_down: bool,
}

struct Worker {
    thread: JoinHandle<()>,
    is_busy: Arc<AtomicBool>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    jobs: VecDeque::new(),
    workers: Vec::new(),
    generation: 0,
    is_shut_down: false,
});
static JOB_OR_END: Condvar = Condvar::new();

/// Runs `job` on one of the threads. If the system has none to give, or the library is being unloaded, it is dropped.
pub(crate) fn run(job: impl FnOnce() + Send + 'static) {
    let mut pool = lock();
    if pool.is_shut_down {
        return;
    }
    pool.jobs.push_back(Box::new(job));
    let idle = pool
        .workers
        .iter()
        .filter(|worker| !worker.is_busy.load(Ordering::Relaxed))
        .count();
    if idle < pool.jobs.len() && pool.workers.len() < MAX_THREADS {
        let is_busy = Arc::new(AtomicBool::new(false));
        let generation = pool.generation;
        let flag = is_busy.clone();
        let spawned = std::thread::Builder::new()
            .name("stream-socket".into())
            .spawn(move || work(generation, &flag));
        match spawned {
            Ok(thread) => pool.workers.push(Worker { thread, is_busy }),
            Err(_) if pool.workers.is_empty() => pool.jobs.clear(),
            Err(_) => {}
        }
    }
    drop(pool);
    JOB_OR_END.notify_one();
}

fn work(generation: u64, is_busy: &AtomicBool) {
    let mut pool = lock();
    while pool.generation == generation {
        let Some(job) = pool.jobs.pop_front() else {
            pool = JOB_OR_END
                .wait(pool)
                .unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        is_busy.store(true, Ordering::Relaxed);
        drop(pool);
        // A job that panics has been reported by the panic hook; the next one gets its turn.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        pool = lock();
        is_busy.store(false, Ordering::Relaxed);
    }
}

/// Allows jobs again after a [`shut_down`], for a library that was kept mapped and is loaded once more.
pub fn start_up() {
    lock().is_shut_down = false;
}

/// Ends the idle threads and forgets the jobs that have not begun. Called before the library is unloaded; if a job is
/// still under way, the library stays mapped for it, for the rest of the process.
pub fn shut_down() {
    let workers = {
        let mut pool = lock();
        pool.generation += 1;
        pool.is_shut_down = true;
        pool.jobs.clear();
        std::mem::take(&mut pool.workers)
    };
    JOB_OR_END.notify_all();
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

fn lock() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}
