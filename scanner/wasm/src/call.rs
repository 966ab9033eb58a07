//! One question to one fresh instance: what goes in, what comes out, and what may be taken meanwhile.

use wasmi::{Instance, Memory, Store, StoreLimitsBuilder, TrapCode};

use crate::limits::{FUEL_PER_MILLISECOND, MAX_ANSWER_BYTES, MAX_TABLE_ELEMENTS, MAX_TABLES};
use crate::manifest::Limits;
use crate::module::{Compiled, Guest};

/// Bytes of a module that take a microsecond to make an instance of.
const BYTES_PER_MICROSECOND: usize = 1_000;

/// What came of a question.
pub(crate) struct Outcome {
    /// The answer's bytes, or why there is none.
    pub(crate) answer: Result<Vec<u8>, CallError>,
    /// What it took, in microseconds by its fuel; 1 at least.
    pub(crate) work: u64,
    /// What the guest logged.
    pub(crate) log: Vec<String>,
}

/// Says why a guest gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("it ran longer than {0} ms")]
    OutOfTime(u32),
    #[error("it trapped: {0}")]
    Trapped(String),
    #[error("it does not fit {0} MiB of memory")]
    Memory(u32),
    #[error("it has no room for {0} bytes of what it asks for")]
    NoRoom(usize),
    #[error("its answer of {0} bytes is longer than {MAX_ANSWER_BYTES}")]
    AnswerTooLong(usize),
    #[error("its answer lies outside of its memory")]
    AnswerOutside,
}

/// Which function a question goes to, and what it is made of.
pub(crate) enum Question<'a> {
    Analyze { path: &'a str, file: &'a [u8] },
    Detect { inventory: &'a [u8] },
}

/// Asks; the instance is gone afterwards.
pub(crate) fn ask(compiled: &Compiled, limits: &Limits, question: &Question<'_>) -> Outcome {
    let mut store = store(compiled, limits);
    let fuel = fuel(limits);
    let answer = answer(&mut store, compiled, limits, question);
    let left = store.get_fuel().unwrap_or(0);
    let spent = fuel.saturating_sub(left).saturating_mul(1_000) / FUEL_PER_MILLISECOND;
    let made = u64::try_from(compiled.bytes / BYTES_PER_MICROSECOND).unwrap_or(u64::MAX);
    Outcome {
        answer,
        work: spent.saturating_add(made).max(1),
        log: store.into_data().log,
    }
}

/// Asks a module which ABI it speaks.
pub(crate) fn abi(compiled: &Compiled, limits: &Limits) -> Result<i32, String> {
    let mut store = store(compiled, limits);
    let started = start(&mut store, compiled, limits).map_err(|error| error.to_string())?;
    let abi = started
        .0
        .get_typed_func::<(), i32>(&store, "sluicegate_abi");
    let answer = abi.and_then(|abi| abi.call(&mut store, ()));
    answer.map_err(|error| failure(&error, limits).to_string())
}

fn fuel(limits: &Limits) -> u64 {
    u64::from(limits.milliseconds).saturating_mul(FUEL_PER_MILLISECOND)
}

fn store(compiled: &Compiled, limits: &Limits) -> Store<Guest> {
    let memory = usize::try_from(limits.memory_mib).unwrap_or(0) << 20;
    let guest = Guest {
        limits: StoreLimitsBuilder::new()
            .memory_size(memory)
            .table_elements(MAX_TABLE_ELEMENTS)
            .tables(MAX_TABLES)
            .memories(1)
            .instances(1)
            .build(),
        log: Vec::new(),
        log_bytes: 0,
    };
    let mut store = Store::new(&compiled.engine, guest);
    store.limiter(|guest| &mut guest.limits);
    // Fails only where the engine counts none, and ours does: without it nothing runs.
    let _ = store.set_fuel(fuel(limits));
    store
}

fn start(
    store: &mut Store<Guest>,
    compiled: &Compiled,
    limits: &Limits,
) -> Result<(Instance, Memory), CallError> {
    let started = compiled
        .linker
        .instantiate_and_start(&mut *store, &compiled.module);
    let instance = started.map_err(|error| match failure(&error, limits) {
        CallError::Trapped(_) if error.as_trap_code().is_none() => {
            CallError::Memory(limits.memory_mib)
        }
        other => other,
    })?;
    let memory = instance.get_memory(&*store, "memory");
    let memory = memory.ok_or(CallError::AnswerOutside)?;
    Ok((instance, memory))
}

fn answer(
    store: &mut Store<Guest>,
    compiled: &Compiled,
    limits: &Limits,
    question: &Question<'_>,
) -> Result<Vec<u8>, CallError> {
    let (instance, memory) = start(store, compiled, limits)?;
    let failed = |error: wasmi::Error| failure(&error, limits);
    let packed = match question {
        Question::Analyze { path, file } => {
            let (path, path_length) = hand(store, limits, instance, memory, path.as_bytes())?;
            let (file, file_length) = hand(store, limits, instance, memory, file)?;
            let asked = instance.get_typed_func::<(u32, u32, u32, u32), u64>(&*store, "analyze");
            let asked = asked.map_err(failed)?;
            asked.call(&mut *store, (path, path_length, file, file_length))
        }
        Question::Detect { inventory } => {
            let (text, length) = hand(store, limits, instance, memory, inventory)?;
            let asked = instance.get_typed_func::<(u32, u32), u64>(&*store, "detect");
            let asked = asked.map_err(failed)?;
            asked.call(&mut *store, (text, length))
        }
    };
    let packed = packed.map_err(failed)?;
    let part = |bits: u64| usize::try_from(bits & u64::from(u32::MAX)).unwrap_or(usize::MAX);
    let (at, length) = (part(packed >> 32), part(packed));
    if length > MAX_ANSWER_BYTES {
        return Err(CallError::AnswerTooLong(length));
    }
    let data = memory.data(&*store);
    let answer = data.get(at..at.saturating_add(length));
    answer.map(<[u8]>::to_vec).ok_or(CallError::AnswerOutside)
}

/// Puts bytes into a guest's memory, where it says.
fn hand(
    store: &mut Store<Guest>,
    limits: &Limits,
    instance: Instance,
    memory: Memory,
    bytes: &[u8],
) -> Result<(u32, u32), CallError> {
    let failed = |error: wasmi::Error| failure(&error, limits);
    let no_room = || CallError::NoRoom(bytes.len());
    let length = u32::try_from(bytes.len()).map_err(|_| no_room())?;
    let alloc = instance.get_typed_func::<u32, u32>(&*store, "alloc");
    let at = alloc.and_then(|alloc| alloc.call(&mut *store, length));
    let at = at.map_err(failed)?;
    let place = usize::try_from(at).map_err(|_| no_room())?;
    // A null pointer is how allocators say no.
    if at == 0 && length > 0 {
        return Err(no_room());
    }
    let written = memory.write(&mut *store, place, bytes);
    written.map_err(|_| no_room())?;
    Ok((at, length))
}

fn failure(error: &wasmi::Error, limits: &Limits) -> CallError {
    match error.as_trap_code() {
        Some(TrapCode::OutOfFuel) => CallError::OutOfTime(limits.milliseconds),
        Some(code) => CallError::Trapped(code.to_string()),
        None => CallError::Trapped(error.to_string()),
    }
}
