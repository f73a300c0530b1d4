//! Looking up names on a few worker threads, so that a connect does not block.
//!
//! The workers belong to the process, because getaddrinfo(3) cannot be cancelled: a lookup that
//! hangs outlives the connect that requested it. If there is no worker and the system cannot create
//! a thread, the calling thread looks the name up itself, and may block.
//!
//! [`shut_down`] ends the idle workers. If others are busy, it keeps the library's code mapped for
//! them.
//!
//! At most 16 lookups whose answer is wanted run at once. A cancelled lookup does not count, but
//! its worker does: there are at most 256 workers. If all of them hang in cancelled lookups, and no
//! more can be started, a new lookup fails.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use crate::sync::thread::JoinHandle;
use crate::sync::{Condvar, Mutex, MutexGuard, ProcessWide, lock, wait};
use crate::sys;

/// The maximum number of lookups under way whose answer is still wanted. Further ones are queued.
const MAX_AT_ONCE: usize = 16;

/// The maximum number of workers, including those whose lookup hangs and is no longer wanted.
const MAX_THREADS: usize = 256;

static RESOLVER: ProcessWide<Resolver> = ProcessWide::new(Resolver::default);

/// A lookup. Dropping it cancels it: a later answer is discarded, and a queued question is never
/// asked.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// The process that asked: a forked child does not have its workers.
    process: u64,
    host: String,
    port: u16,
    answer: Arc<Mutex<Option<LookupResult>>>,
}

type LookupResult = io::Result<Vec<SocketAddr>>;

#[derive(Debug, Default)]
struct Resolver {
    pool: Mutex<Pool>,
    /// A question was queued, or the resolver was shut down.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    questions: VecDeque<Question>,
    workers: Vec<Worker>,
    /// The threads of workers that have ended, or are about to.
    ended: Vec<JoinHandle<()>>,
    next_worker: u64,
    /// The number of shutdowns. A worker that was started before the last one ends.
    shutdowns: u64,
    /// Between [`shut_down`] and [`start_up`] no lookup begins.
    is_shut_down: bool,
}

#[derive(Debug)]
struct Question {
    host: String,
    port: u16,
    asker: Asker,
}

/// Where the answer goes. Dead once it is no longer wanted.
type Asker = Weak<Mutex<Option<LookupResult>>>;

#[derive(Debug)]
struct Worker {
    number: u64,
    thread: JoinHandle<()>,
    /// Where the answer of its lookup goes; `None` if it is idle.
    asker: Option<Asker>,
}

impl Lookup {
    /// Starts to look up the addresses of `host`. Blocks only if no thread can be created.
    pub(crate) fn start(host: String, port: u16) -> Lookup {
        let answer = Arc::new(Mutex::new(None));
        let asker = Arc::downgrade(&answer);
        RESOLVER.get().ask(Question {
            host: host.clone(),
            port,
            asker,
        });
        Lookup {
            process: sys::process(),
            host,
            port,
            answer,
        }
    }

    /// Takes the answer, once there is one.
    pub(crate) fn take(&mut self) -> Option<LookupResult> {
        if self.process != sys::process() {
            *self = Lookup::start(self.host.clone(), self.port);
        }
        let mut answer = lock(&self.answer);
        // The question was dropped unanswered: the library was shut down.
        if answer.is_none() && Arc::weak_count(&self.answer) == 0 {
            return Some(Err(io::ErrorKind::OutOfMemory.into()));
        }
        answer.take()
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The host and the port, as errors name them.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        let asked = std::mem::take(&mut self.answer);
        if Arc::weak_count(&asked) > 0 {
            drop(asked);
            // The worker of this lookup no longer counts, so another one may start.
            let resolver = RESOLVER.get();
            resolver.staff(&mut resolver.pool());
        }
    }
}

impl Resolver {
    fn ask(&'static self, question: Question) {
        let mut pool = self.pool();
        if pool.is_shut_down {
            return;
        }
        pool.questions.push_back(question);
        self.staff(&mut pool);
        if pool.workers.is_empty() {
            // No thread could be created. There are no other questions: those would have been
            // answered here as well.
            let questions = std::mem::take(&mut pool.questions);
            drop(pool);
            questions.iter().for_each(Question::look_up);
        }
    }

    /// Starts a worker for each question that has none, within the limits.
    fn staff(&'static self, pool: &mut Pool) {
        for thread in std::mem::take(&mut pool.ended) {
            // Does not block for long: the worker has unlocked the pool for the last time.
            let _ = thread.join();
        }
        pool.questions
            .retain(|question| question.asker.strong_count() > 0);
        let idle = pool.workers.iter().filter(|worker| worker.asker.is_none());
        let mut missing = pool.questions.len().saturating_sub(idle.count());
        while missing > 0 && pool.count_in_use() < MAX_AT_ONCE && pool.workers.len() < MAX_THREADS {
            let (number, shutdowns) = (pool.next_worker, pool.shutdowns);
            pool.next_worker += 1;
            match sys::spawn(move || self.work(number, shutdowns)) {
                Ok(thread) => pool.workers.push(Worker {
                    number,
                    thread,
                    asker: None,
                }),
                Err(_) => break,
            }
            missing -= 1;
        }
        let hanging = pool.workers.len();
        if hanging > 0 && pool.count_in_use() == 0 {
            // All workers hang, so no question would ever be answered.
            pool.refuse(&format!(
                "{hanging} earlier lookups are still waiting for the system's resolver"
            ));
        }
        if !pool.questions.is_empty() {
            self.changed.notify_all();
        }
    }

    fn work(&'static self, number: u64, shutdowns: u64) {
        let mut pool = self.pool();
        while pool.shutdowns == shutdowns {
            let Some(question) = pool.questions.pop_front() else {
                let idle = pool.workers.iter().filter(|worker| worker.asker.is_none());
                if idle.count() > MAX_AT_ONCE {
                    // There are more workers than needed, because others hung before.
                    pool.end(number);
                    return;
                }
                pool = wait(&self.changed, pool);
                continue;
            };
            pool.set_asker(number, Some(question.asker.clone()));
            drop(pool);
            question.look_up();
            pool = self.pool();
            pool.set_asker(number, None);
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        lock(&self.pool)
    }

    fn shut_down(&self) {
        let (workers, ended) = {
            let mut pool = self.pool();
            pool.shutdowns += 1;
            pool.is_shut_down = true;
            pool.questions.clear();
            let ended = std::mem::take(&mut pool.ended);
            (std::mem::take(&mut pool.workers), ended)
        };
        self.changed.notify_all();
        // A worker that was busy may have become idle since. It ends without being joined, which is
        // sound because the library stays mapped. An idle one cannot have become busy: the queue of
        // questions is empty.
        let (idle, busy): (Vec<_>, Vec<_>) = workers
            .into_iter()
            .partition(|worker| worker.asker.is_none());
        if !busy.is_empty() {
            sys::keep_library_mapped();
        }
        let idle = idle.into_iter().map(|worker| worker.thread);
        for thread in idle.chain(ended) {
            let _ = thread.join();
        }
    }
}

impl Pool {
    /// How many workers are idle, or have a lookup that is still wanted.
    fn count_in_use(&self) -> usize {
        let is_in_use = |worker: &&Worker| {
            let asker = worker.asker.as_ref();
            asker.is_none_or(|asker| asker.strong_count() > 0)
        };
        self.workers.iter().filter(is_in_use).count()
    }

    /// Answers all queued questions with an error.
    fn refuse(&mut self, message: &str) {
        for question in std::mem::take(&mut self.questions) {
            if let Some(answer) = question.asker.upgrade() {
                *lock(&answer) = Some(Err(io::Error::other(message)));
            }
        }
    }

    fn set_asker(&mut self, number: u64, asker: Option<Asker>) {
        let mut workers = self.workers.iter_mut();
        if let Some(worker) = workers.find(|worker| worker.number == number) {
            worker.asker = asker;
        }
    }

    fn end(&mut self, number: u64) {
        let mut workers = self.workers.iter();
        if let Some(index) = workers.position(|worker| worker.number == number) {
            let worker = self.workers.swap_remove(index);
            self.ended.push(worker.thread);
        }
    }
}

impl Question {
    /// Asks the system, blocks until it answers, and stores the answer.
    fn look_up(&self) {
        let found = self.answer();
        if let Some(answer) = self.asker.upgrade() {
            *lock(&answer) = Some(found);
        }
    }

    fn answer(&self) -> LookupResult {
        let addresses = sys::resolve(&self.host, self.port)?;
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no address"));
        }
        Ok(addresses)
    }
}

/// Allows lookups again after a [`shut_down`], for a library that was kept mapped and is loaded
/// again.
pub(crate) fn start_up() {
    RESOLVER.get().pool().is_shut_down = false;
}

/// Ends the idle workers and drops queued questions. If a lookup is still under way, the library
/// stays mapped for the rest of the process.
pub(crate) fn shut_down() {
    RESOLVER.get().shut_down();
}
