//! The engine: it compiles the cells of a session one after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::cache::Cache;
use crate::compilation::Compilation;
use crate::compiled::{Compiled, Refused};
use crate::context::{BroughtCrates, Context};
use crate::crates::Crates;
use crate::delimiters;
use crate::diagnostics::Diagnostic;
use crate::explore::{self, Exploring};
use crate::generate::raw;
use crate::interrupt::Interrupt;
use crate::items::ItemKind;
use crate::ledger::Ledger;
use crate::rustc::Compiler;
use crate::source::{Source, hash};
use crate::standby;
use crate::syntax::parse;
use crate::variable::{Lost, Variable};

/// A session.
pub struct Engine {
    context: Context,
    ledger: Ledger,
    /// Variables that still exist in the process, but that no cell can name.
    to_drop: Vec<String>,
    /// Variables that the process removes before it runs the next cell, without running their destructors.
    to_forget: Vec<String>,
}

/// A program with the items and variables of a session, for analysis: variables have types, but no values.
#[derive(Clone, Debug, Default)]
pub struct Program {
    before: String,
}

impl Program {
    /// The program with `text` as the next cell, and the byte offset of that text.
    pub fn with(&self, text: &str) -> (String, usize) {
        (format!("{}{text}\n}}\n", self.before), self.before.len())
    }
}

/// The outcome of running a compiled cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It ran to its last statement, or had no statements.
    Completely,
    /// The `return` of this index ended it.
    Returned(usize),
    /// A panic or a `?` ended it.
    InPart,
    /// Its process died; the process that goes on has not loaded it.
    NotAtAll,
}

impl Engine {
    /// A session without items and variables.
    pub fn new(compiler: Compiler, prelude: String, externs: Vec<String>) -> Engine {
        let context = Context {
            compiler,
            cache: None,
            prelude,
            externs,
            brought: BroughtCrates::default(),
            standby: Mutex::default(),
            interrupt: Interrupt::default(),
        };
        Engine { context, ledger: Ledger::default(), to_drop: Vec::new(), to_forget: Vec::new() }
    }

    /// Uses a cache of objects. `environment` identifies all inputs of an object beside the generated code:
    /// the version of rustc, its arguments, and the content of the crates that cells can name, except for
    /// those of [`Engine::set_crates`].
    pub fn with_cache(mut self, cache: Cache, environment: &str) -> Engine {
        self.context.cache = Some((cache, environment.to_owned()));
        self
    }

    /// Makes compilations interruptible by this handle.
    pub fn with_interrupt(mut self, interrupt: Interrupt) -> Engine {
        self.context.interrupt = interrupt;
        self
    }

    /// Makes the crates of a session available to the following cells. `arguments` and `prelude` are those
    /// that do not depend on its crates; `replaced` are the names of crates that were compiled again, as in
    /// [`Added`](crate::Added). Returns the variables that are dropped because their types contain a type of
    /// these, each with the name of the crate.
    pub fn set_crates(
        &mut self,
        crates: &Crates,
        mut arguments: Vec<String>,
        prelude: &str,
        replaced: &[String],
    ) -> Vec<(String, String)> {
        // rustc may list the libraries of its directories when it starts.
        self.context.standby = Mutex::default();
        arguments.extend(crates.arguments());
        self.context.compiler.arguments = arguments;
        prelude.clone_into(&mut self.context.prelude);
        self.context.externs = crates.names();
        self.context.brought = BroughtCrates {
            names: crates.brought_names().map(str::to_owned).collect(),
            declaration: crates.declaration(),
            environment: crates.environment(),
            base_environment: crates.base_environment(),
        };
        let dropped = self.ledger.replace_crates(replaced, hash(&self.context.brought.environment));
        self.to_drop.extend(dropped.iter().map(|(name, _)| name.clone()));
        dropped
    }

    /// Compiles a cell. Nothing changes before [`Engine::finish`].
    ///
    /// # Errors
    ///
    /// The errors of the compiler.
    pub fn compile(&self, source: Source) -> Result<Compiled, Refused> {
        self.compile_as(source, None)
    }

    /// As [`Engine::compile`], for a cell that runs under every schedule within limits.
    ///
    /// # Errors
    ///
    /// If the cell names an item without an explored form, or the compiler refuses it.
    pub fn compile_explored(&self, source: Source, limits: &Exploring) -> Result<Compiled, Refused> {
        self.compile_as(source, Some(limits))
    }

    fn compile_as(&self, source: Source, explored: Option<&Exploring>) -> Result<Compiled, Refused> {
        let source = Arc::new(source);
        let text = &source.text;
        if let Err(error) = delimiters::check(text) {
            return Err(Refused { errors: vec![Diagnostic::unbalanced(error, &source)] });
        }
        let mut syntax = parse(text, &self.ledger);
        // The cell may call macros that it defines.
        if syntax.items.iter().any(|item| matches!(item.kind, ItemKind::Macro { .. })) {
            let mut with_macros = self.ledger.clone();
            with_macros.define(&source, &syntax.items);
            syntax = parse(text, &with_macros);
        }
        let mut ledger = self.ledger.clone();
        let changes = ledger.define(&source, &syntax.items);
        syntax.bindings.retain(|binding| !ledger.is_pattern(&binding.name));
        let explored = explored.map(|limits| {
            let notes = explore::notes(&source, &syntax, &ledger, &self.context.brought.names);
            Exploring { notes, ..limits.clone() }
        });
        let explored = explored.as_ref();
        if explored.is_some() {
            explore::check(&source, &syntax, &ledger).map_err(|errors| Refused { errors })?;
            // They are those of a closure.
            syntax.bindings.clear();
        }
        let mut to_drop = self.to_drop.clone();
        to_drop.extend(changes.dropped.iter().map(|(name, _)| name.clone()));
        let mut compiled = Compiled {
            object: None,
            is_global: false,
            to_drop,
            to_forget: self.to_forget.clone(),
            lines: Vec::new(),
            dropped: changes.dropped,
            warnings: Vec::new(),
            number: source.number,
            ledger,
            variables: BTreeMap::new(),
            returns: Vec::new(),
            bindings: syntax.bindings.clone(),
            lost: BTreeMap::new(),
            defines: Vec::new(),
        };
        match syntax.has_statements {
            true => Compilation { context: &self.context, source: source.clone(), syntax, explored }
                .statements(&mut compiled)?,
            false => Compilation { context: &self.context, source: source.clone(), syntax, explored }
                .items(&mut compiled)?,
        }
        Ok(compiled)
    }

    /// Spawns the rustc of the next cell's object, unless it is running already. It waits for the cell, which
    /// saves rustc's start-up time. Call this at any time, best at the end of a cell; a rustc whose arguments
    /// do not fit the next cell is replaced. If the spawn fails, the next cell reports it. The process ends
    /// with the engine, or with the process of the engine if that is killed.
    pub fn prepare_next(&self) {
        standby::prepare(&self.context.standby, &self.context.compiler, self.ledger.generation());
    }

    /// Commits a compiled cell with the outcome of its run. Returns the new variables that are not kept, with
    /// the reasons.
    pub fn finish(&mut self, compiled: Compiled, ran: Ran) -> Vec<(String, String)> {
        let Compiled { mut ledger, variables, returns, bindings, mut lost, defines, number, .. } = compiled;
        if ran == Ran::NotAtAll {
            // The process goes on from the state before the cell, with its variables of that time.
            let gone = self.ledger.variables.keys().filter(|name| !ledger.variables.contains_key(*name));
            self.to_drop.extend(gone.cloned());
            ledger.forget_statics(&self.ledger);
            self.ledger = ledger;
            return Vec::new();
        }
        self.to_forget.clear();
        ledger.instantiate(&defines);
        let is_stored = |name: &String| match ran {
            Ran::Completely => true,
            Ran::Returned(index) => returns[index].contains(name),
            Ran::InPart | Ran::NotAtAll => false,
        };
        // A stored variable that no cell can name is dropped before the next cell runs.
        let opaque = |name: &&String| matches!(lost.get(*name), Some(Lost::Unnameable(_)));
        self.to_drop = bindings
            .iter()
            .map(|b| &b.name)
            .filter(|name| is_stored(name) && opaque(name))
            .cloned()
            .collect();
        for (name, variable) in variables {
            if is_stored(&name) {
                ledger.lost.remove(&name);
                ledger.variables.insert(name, variable);
            } else if !ledger.variables.contains_key(&name) {
                lost.insert(name, Lost::Unfinished(number));
            }
        }
        let mut not_kept = Vec::new();
        for (name, reason) in lost {
            let is_new = bindings.iter().any(|binding| binding.name == name);
            if is_new && matches!(ran, Ran::InPart) && ledger.variables.contains_key(&name) {
                continue; // the earlier one of that name is still there
            }
            ledger.variables.remove(&name);
            if matches!(reason, Lost::Unnameable(_) | Lost::Borrows) {
                not_kept.push((name.clone(), reason.in_words()));
            }
            ledger.lost.insert(name, reason);
        }
        self.ledger = ledger;
        not_kept
    }

    /// Resets the variables: the process of the cells has ended, and a new one has started.
    pub fn restarted(&mut self) {
        self.ledger.forget_process();
        self.to_drop.clear();
        self.to_forget.clear();
    }

    /// Adapts to a process of the cells that was restored from a forked copy, which has no other threads.
    /// Handles of the old threads would refer to memory that new threads reuse, so they are forgotten without
    /// being dropped. Returns the names of the variables.
    pub fn restored(&mut self) -> Vec<String> {
        let names = self.ledger.forget_threads();
        self.to_forget.extend(names.iter().cloned());
        names
    }

    /// A program that has the items and variables of the session.
    pub fn program(&self) -> Program {
        let mut before = self.context.prelude.clone();
        for entry in self.ledger.entries() {
            before += entry.code.text();
            before.push('\n');
        }
        before +=
            "async fn cell() -> ::std::result::Result<(), ::std::boxed::Box<dyn ::std::error::Error>> {\n";
        for (name, Variable { r#type, is_mut }) in &self.ledger.variables {
            let mutable = if *is_mut { "mut " } else { "" };
            before += &format!("let {mutable}{}: {type} = loop {{}};\n", raw(name));
        }
        Program { before }
    }

    /// The variables, by name, with their types.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ledger.variables.iter().map(|(name, variable)| (name.as_str(), variable.r#type.as_str()))
    }
}
