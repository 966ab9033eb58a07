//! A module's bytes to something that can be asked: validated, compiled, its imports and exports as
//! the ABI has them. Compiled once; every question gets an instance of its own.

use wasmi::{
    CompilationMode, Config, EnforcedLimits, Engine, ExternType, FuncType, Linker, Module, ValType,
};

use crate::error::PluginError;
use crate::limits::{MAX_LOG_BYTES, MAX_RECURSION, MAX_STACK_BYTES};

/// The only import, and its module.
const LOG: (&str, &str) = ("sluicegate", "log");

/// What a guest leaves behind beside its answer.
pub(crate) struct Guest {
    pub(crate) limits: wasmi::StoreLimits,
    pub(crate) log: Vec<String>,
    pub(crate) log_bytes: usize,
}

/// A compiled module.
pub(crate) struct Compiled {
    pub(crate) engine: Engine,
    pub(crate) module: Module,
    pub(crate) linker: Linker<Guest>,
    /// Its size, in bytes.
    pub(crate) bytes: usize,
}

impl Compiled {
    /// Compiles a module; `asked` is what it is asked by, `analyze` or `detect`.
    pub(crate) fn of(bytes: &[u8], asked: &'static str) -> Result<Self, PluginError> {
        let engine = Engine::new(&config());
        let invalid = |error: wasmi::Error| PluginError::Module(error.to_string());
        let module = Module::new(&engine, bytes).map_err(invalid)?;
        for import in module.imports() {
            let is_log =
                (import.module(), import.name()) == LOG && is(import.ty(), &[ValType::I32; 2], &[]);
            if !is_log {
                let name = format!("{:?} {:?}", import.module(), import.name());
                return Err(PluginError::Import(name));
            }
        }
        check_exports(&module, asked)?;
        let mut linker = Linker::new(&engine);
        linker
            .func_wrap(LOG.0, LOG.1, log)
            .map_err(|error| PluginError::Module(error.to_string()))?;
        Ok(Self {
            engine,
            module,
            linker,
            bytes: bytes.len(),
        })
    }
}

/// Nothing is translated while a guest runs, which would cost it fuel the first time only.
fn config() -> Config {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .allow_start_fn(false)
        .ignore_custom_sections(true)
        .compilation_mode(CompilationMode::Eager)
        .enforced_limits(EnforcedLimits::strict())
        .set_max_recursion_depth(MAX_RECURSION)
        .set_max_stack_height(MAX_STACK_BYTES)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false);
    config
}

fn check_exports(module: &Module, asked: &'static str) -> Result<(), PluginError> {
    const I32: ValType = ValType::I32;
    let functions: [(&str, &[ValType], &[ValType], &str); 3] = [
        ("sluicegate_abi", &[], &[I32], "a function () -> i32"),
        ("alloc", &[I32], &[I32], "a function (i32) -> i32"),
        match asked {
            "analyze" => (
                asked,
                &[I32; 4],
                &[ValType::I64],
                "a function (i32, i32, i32, i32) -> i64",
            ),
            _ => (
                asked,
                &[I32; 2],
                &[ValType::I64],
                "a function (i32, i32) -> i64",
            ),
        },
    ];
    for (name, params, results, wanted) in functions {
        let export = module.get_export(name);
        if !export.is_some_and(|export| is(&export, params, results)) {
            let name = match name {
                "alloc" => "alloc",
                "sluicegate_abi" => "sluicegate_abi",
                _ => asked,
            };
            return Err(PluginError::Export { name, wanted });
        }
    }
    match module.get_export("memory") {
        Some(ExternType::Memory(_)) => Ok(()),
        _ => Err(PluginError::Export {
            name: "memory",
            wanted: "its memory",
        }),
    }
}

fn is(found: &ExternType, params: &[ValType], results: &[ValType]) -> bool {
    let wanted = FuncType::new(params.iter().copied(), results.iter().copied());
    matches!(found, ExternType::Func(found) if *found == wanted)
}

/// Takes a line that a guest logs; what is over the bound, or no text, is dropped.
fn log(mut caller: wasmi::Caller<'_, Guest>, at: u32, length: u32) {
    let memory = caller
        .get_export("memory")
        .and_then(wasmi::Extern::into_memory);
    let Some(memory) = memory else { return };
    let (data, guest) = memory.data_and_store_mut(&mut caller);
    let (Ok(at), Ok(length)) = (usize::try_from(at), usize::try_from(length)) else {
        return;
    };
    let room = MAX_LOG_BYTES.saturating_sub(guest.log_bytes);
    let end = at.saturating_add(length);
    let line = data.get(at..end).filter(|line| line.len() < room);
    // Every line costs a byte, so that empty ones come to an end as well.
    guest.log_bytes = guest.log_bytes.saturating_add(length).saturating_add(1);
    if let Some(line) = line.and_then(|line| std::str::from_utf8(line).ok()) {
        guest.log.push(line.chars().map(shown).collect());
    }
}

fn shown(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}
