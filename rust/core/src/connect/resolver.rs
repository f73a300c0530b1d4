//! Looking up names without waiting for the answer, on a few threads of the library's own.
//!
//! They belong to the process, not to who asks, since a lookup that hangs cannot be stopped: it outlives its asker.
//! If the system has no thread to give and none is there, the asking thread looks the name up
//! itself, which may block it: late is better than never.
//! [`shut_down`] ends those that are idle, and keeps the library's code mapped for those that are not.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use crate::sync::thread::JoinHandle;
use crate::sync::{Condvar, Mutex, MutexGuard, ProcessWide, lock, wait};
use crate::sys;

/// How many lookups that somebody waits for are under way at once; the others wait for their turn.
const MAX_AT_ONCE: usize = 16;

/// How many threads there are at most: those of lookups that nobody waits for any more, and that hang, included.
const MAX_THREADS: usize = 256;

static RESOLVER: ProcessWide<Resolver> = ProcessWide::new(Resolver::default);

/// A question to the system's resolver. Dropping it cancels it: an answer that comes later is thrown away, and a
/// question that has not been asked yet never is.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// The process that has asked: its threads are not there in a child.
    process: u64,
    host: String,
    port: u16,
    answer: Arc<Mutex<Option<Answer>>>,
}

type Answer = io::Result<Vec<SocketAddr>>;

#[derive(Debug, Default)]
struct Resolver {
    pool: Mutex<Pool>,
    question_or_end: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    questions: VecDeque<Question>,
    workers: Vec<Worker>,
    /// Workers that have ended, or will in a moment.
    ended: Vec<JoinHandle<()>>,
    next_worker: u64,
    /// Which set of workers is wanted: one that finds another number than its own ends.
    generation: u64,
    /// Between [`shut_down`] and [`start_up`] nothing begins.
    is_shut_down: bool,
}

#[derive(Debug)]
struct Question {
    host: String,
    port: u16,
    asker: Asker,
}

/// Where the answer goes, as long as somebody waits for it.
type Asker = Weak<Mutex<Option<Answer>>>;

#[derive(Debug)]
struct Worker {
    number: u64,
    thread: JoinHandle<()>,
    /// Who waits for what it is looking up; `None` if it is idle.
    asker: Option<Asker>,
}

impl Lookup {
    /// Asks for the addresses of `host`. It blocks only if there is no thread to look them up.
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

    /// The answer, once it is there.
    pub(crate) fn take(&mut self) -> Option<Answer> {
        if self.process != sys::process() {
            *self = Lookup::start(self.host.clone(), self.port);
        }
        let mut answer = lock(&self.answer);
        // The question was dropped: the library is shut down.
        if answer.is_none() && Arc::weak_count(&self.answer) == 0 {
            return Some(Err(io::ErrorKind::OutOfMemory.into()));
        }
        answer.take()
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What is connected to: the host and the port.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        let asked = std::mem::take(&mut self.answer);
        if Arc::weak_count(&asked) > 0 {
            drop(asked);
            // Whoever looks it up is not counted any more.
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
            // There is no thread, and no other question: each would have been looked up here.
            let questions = std::mem::take(&mut pool.questions);
            drop(pool);
            questions.iter().for_each(Question::look_up);
        }
    }

    /// Has a worker for each question, if there may be so many.
    fn staff(&'static self, pool: &mut Pool) {
        for thread in std::mem::take(&mut pool.ended) {
            // It has given the pool back, and has nothing more to do.
            let _ = thread.join();
        }
        pool.questions
            .retain(|question| question.asker.strong_count() > 0);
        let idle = pool.workers.iter().filter(|worker| worker.asker.is_none());
        let mut missing = pool.questions.len().saturating_sub(idle.count());
        while missing > 0 && pool.count_in_use() < MAX_AT_ONCE && pool.workers.len() < MAX_THREADS {
            let (number, generation) = (pool.next_worker, pool.generation);
            pool.next_worker += 1;
            match sys::spawn(move || self.work(number, generation)) {
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
            // Nobody will come to them.
            pool.refuse(&format!("{hanging} lookups hang in the system's resolver"));
        }
        if !pool.questions.is_empty() {
            self.question_or_end.notify_all();
        }
    }

    fn work(&'static self, number: u64, generation: u64) {
        let mut pool = self.pool();
        while pool.generation == generation {
            let Some(question) = pool.questions.pop_front() else {
                let idle = pool.workers.iter().filter(|worker| worker.asker.is_none());
                if idle.count() > MAX_AT_ONCE {
                    // There were many while others hung.
                    pool.end(number);
                    return;
                }
                pool = wait(&self.question_or_end, pool);
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
            pool.generation += 1;
            pool.is_shut_down = true;
            pool.questions.clear();
            let ended = std::mem::take(&mut pool.ended);
            (std::mem::take(&mut pool.workers), ended)
        };
        self.question_or_end.notify_all();
        // A worker that was busy a moment ago may have become idle: then it ends without being waited for, which the
        // mapped library allows. One that was idle cannot have become busy: there were no questions left.
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
    /// How many workers are idle or look up what somebody waits for.
    fn count_in_use(&self) -> usize {
        let is_in_use = |worker: &&Worker| {
            let asker = worker.asker.as_ref();
            asker.is_none_or(|asker| asker.strong_count() > 0)
        };
        self.workers.iter().filter(is_in_use).count()
    }

    /// Answers all questions with an error.
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
    /// Asks the system, waits for the answer, and gives it to the asker.
    fn look_up(&self) {
        let found = self.answer();
        if let Some(answer) = self.asker.upgrade() {
            *lock(&answer) = Some(found);
        }
    }

    fn answer(&self) -> Answer {
        let addresses = sys::resolve(&self.host, self.port)?;
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no address"));
        }
        Ok(addresses)
    }
}

/// Allows lookups again after a [`shut_down`], for a library that was kept mapped and is loaded once more.
pub(crate) fn start_up() {
    RESOLVER.get().pool().is_shut_down = false;
}

/// Ends the idle threads and forgets the questions that have not been asked. If a lookup is still under way, the library
/// stays mapped for it, for the rest of the process.
pub(crate) fn shut_down() {
    RESOLVER.get().shut_down();
}
