//! The compilation of a cell: rustc runs on generated code until it accepts it or refuses the cell's own part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cache::{self, CachedWarning, Record};
use crate::compiled::{Compiled, Refused};
use crate::context::Context;
use crate::diagnostics::Diagnostic;
use crate::explore::Exploring;
use crate::generate::{Crate, Form, Mark, Plan, PutBack, generate, generate_items};
use crate::ledger::Ledger;
use crate::rustc::{Emit, RustcMessage, RustcOutput, Span};
use crate::source::{Place, Source};
use crate::standby;
use crate::syntax::{Binding, Syntax};
use crate::types::{self, Type};
use crate::variable::{Lost, Variable};

/// The maximum number of compilations of a cell, each in another form after rustc has refused the one before.
const MAX_ATTEMPTS: usize = 12;

/// The compilation of a cell.
pub(crate) struct Compilation<'a> {
    pub(crate) context: &'a Context,
    pub(crate) source: Arc<Source>,
    pub(crate) syntax: Syntax,
    /// The limits, if the cell is explored.
    pub(crate) explored: Option<&'a Exploring>,
}

impl Compilation<'_> {
    /// Checks a cell that has only items. They are compiled with the first cell that reaches them.
    pub(crate) fn items(&self, compiled: &mut Compiled) -> Result<(), Refused> {
        for _ in 0..MAX_ATTEMPTS {
            let mut code =
                generate_items(&self.context.prelude, &compiled.ledger, &self.source, &self.syntax);
            self.declare_crates(&mut code);
            if self.recall(&code, compiled) {
                compiled.object = None;
                compiled.defines.clear();
                return Ok(());
            }
            let output = self.run(&code, &compiled.ledger, Emit::Check)?;
            if output.is_ok {
                compiled.warnings = self.warnings(&output, &code);
                self.remember(&code, compiled);
                return Ok(());
            }
            let errors: Vec<_> = errors(&output).collect();
            let conflicts: Vec<_> = errors.iter().filter_map(|error| self.conflict(error, &code)).collect();
            if conflicts.len() < errors.len() || !self.resolve(conflicts, compiled) {
                return Err(self.refusal(&output, &code, &compiled.ledger));
            }
        }
        Err(self.gave_up())
    }

    /// Compiles a cell with statements.
    pub(crate) fn statements(&self, compiled: &mut Compiled) -> Result<(), Refused> {
        let takes: Vec<String> = compiled
            .ledger
            .variables
            .keys()
            .filter(|name| self.syntax.free.contains(*name))
            .cloned()
            .collect();
        let declares: Vec<_> = compiled
            .ledger
            .lost
            .iter()
            .filter(|(name, _)| self.syntax.free.contains(*name) && self.gives_anew(name))
            .filter_map(|(name, lost)| match lost {
                Lost::Moved(_, Some(variable)) => Some((name.clone(), variable.clone())),
                _ => None,
            })
            .collect();
        let bound_before = |at: usize| {
            let before = self
                .syntax
                .bindings
                .iter()
                .filter(move |binding| binding.range.end <= at && !binding.is_guess);
            before.map(|binding| binding.name.clone()).collect()
        };
        let mut plan = Plan {
            puts_back: takes.iter().map(|name| (name.clone(), PutBack::Always)).collect(),
            takes,
            declares,
            puts: self.syntax.bindings.iter().map(|binding| binding.name.clone()).collect(),
            stored_as: BTreeMap::new(),
            // An explored cell keeps no variable, so none at a `return`.
            returns: match self.explored {
                Some(_) => Vec::new(),
                None => self.syntax.returns.iter().map(|range| bound_before(range.start)).collect(),
            },
            takes_any_error: false,
        };
        let is_bound = |name: &String| self.syntax.bindings.iter().any(|binding| binding.name == *name);
        let new = plan.declares.iter().map(|(name, _)| name).filter(|name| !is_bound(name)).cloned();
        let new: Vec<_> = new.collect();
        let complete = Plan { puts: plan.puts.iter().cloned().chain(new).collect(), ..plan.clone() };
        let first = self.generate(&complete, &compiled.ledger, Form::Run);
        if self.recall(&first, compiled) {
            compiled.lines = first.code.lines();
            return Ok(());
        }
        let size = compiled.ledger.size();
        plan = complete;
        let mut types = BTreeMap::new();
        for _ in 0..MAX_ATTEMPTS {
            let code = self.generate(&plan, &compiled.ledger, Form::Run);
            let output = self.run(&code, &compiled.ledger, Emit::Object)?;
            if output.is_ok {
                let before = plan.stored_as.len();
                types.extend(types::warned(&output.messages, &code, &self.context.externs));
                for name in &plan.puts {
                    if let Some(Type::StoredAs(ty)) = types.get(name) {
                        plan.stored_as.insert(name.clone(), ty.clone());
                    }
                }
                if plan.stored_as.len() > before {
                    continue;
                }
                self.accept(compiled, plan, &types, &output, code);
                if size == compiled.ledger.size() {
                    self.remember(&first, compiled);
                }
                return Ok(());
            }
            let before = (plan.clone(), compiled.ledger.size());
            let mut adapted = BTreeSet::new();
            let mut is_users = false;
            for error in errors(&output) {
                is_users |= !self.adapt(error, &code, &mut plan, compiled, &mut adapted);
            }
            let after = (plan.clone(), compiled.ledger.size());
            if is_users || before == after {
                return Err(self.report(&plan, &compiled.ledger, &output, &code));
            }
        }
        Err(self.gave_up())
    }

    fn key(&self, first: &Crate, environment: &str, ledger: &Ledger) -> u64 {
        let environment = format!("{environment}\n{}", self.context.brought.environment_of(&first.code.text));
        cache::key(&first.code.text, ledger.generation(), &environment)
    }

    /// Takes the product of a cell from the cache, if the cache has it. `first` is the code of the first
    /// attempt.
    fn recall(&self, first: &Crate, compiled: &mut Compiled) -> bool {
        let Some((cache, environment)) = &self.context.cache else { return false };
        let key = self.key(first, environment, &compiled.ledger);
        let Some((record, object)) = cache.get(key) else { return false };
        compiled.object = Some(object);
        compiled.is_global = record.is_global;
        compiled.defines = first.defines.clone();
        compiled.variables = record.variables;
        compiled.returns = record.returns;
        compiled.lost = record.lost;
        for lost in compiled.lost.values_mut() {
            if let Lost::Moved(number, _) = lost {
                *number = self.source.number;
            }
        }
        let place = |warning: &CachedWarning| Place {
            source: self.source.clone(),
            range: warning.start..warning.end,
        };
        compiled.warnings = record.warnings.iter().map(|it| Diagnostic::warning(it, place(it))).collect();
        true
    }

    /// Stores the product of a cell in the cache. A cache that is not writable costs time, but no cell fails.
    fn remember(&self, first: &Crate, compiled: &mut Compiled) {
        let Some((cache, environment)) = &self.context.cache else { return };
        let key = self.key(first, environment, &compiled.ledger);
        let warnings = compiled.warnings.iter().filter_map(Diagnostic::to_warning).collect();
        let Compiled { is_global, variables, returns, lost, object, .. } = &*compiled;
        let record = Record::new(*is_global, variables.clone(), returns.clone(), lost.clone(), warnings);
        if let Ok(kept) = cache.put(key, record, object.as_deref())
            && compiled.object.is_some()
        {
            compiled.object = Some(kept);
        }
    }

    /// Records the product of a cell that rustc has accepted.
    fn accept(
        &self,
        compiled: &mut Compiled,
        plan: Plan,
        types: &BTreeMap<String, Type>,
        output: &RustcOutput,
        code: Crate,
    ) {
        compiled.warnings = self.warnings(output, &code);
        compiled.object = Some(self.context.compiler.object(&name_of(&code)));
        compiled.is_global = !code.defines.is_empty();
        compiled.lines = code.code.lines();
        compiled.defines = code.defines;
        for binding in self.syntax.bindings.iter().filter(|binding| plan.puts.contains(&binding.name)) {
            let Binding { name, is_mut, .. } = binding;
            match types.get(name) {
                Some(Type::Exact(ty) | Type::StoredAs(ty)) => {
                    compiled.variables.insert(name.clone(), Variable { r#type: ty.clone(), is_mut: *is_mut });
                }
                Some(Type::Opaque(ty)) => {
                    compiled.lost.insert(name.clone(), Lost::Unnameable(ty.clone()));
                }
                None => {
                    compiled.lost.insert(name.clone(), Lost::Unnameable("unknown".into()));
                }
            }
        }
        // A variable that the cell binds has the type of that binding.
        for (name, variable) in plan.declares.into_iter().filter(|(name, _)| plan.puts.contains(name)) {
            compiled.variables.entry(name).or_insert(variable);
        }
        compiled.returns = plan.returns;
    }

    /// Adapts the plan to an error about the engine's own code, once for each of its parts. Returns false if the error
    /// is about the cell's.
    fn adapt(
        &self,
        error: &RustcMessage,
        code: &Crate,
        plan: &mut Plan,
        compiled: &mut Compiled,
        adapted: &mut BTreeSet<String>,
    ) -> bool {
        let marks: Vec<_> =
            error.spans.iter().filter_map(|span| Some((span, code.mark(&span.range())?))).collect();
        let is_put = |mark: &Mark| matches!(mark, Mark::Put(_) | Mark::PutEarly(..));
        // The store that requires the borrow to be `'static`: that of the borrowing variable.
        let asks = |span: &Span| {
            span.label
                .as_ref()
                .is_some_and(|label| label.contains("requires that") || label.contains("later used"))
        };
        let asking = marks.iter().find(|(span, mark)| is_put(mark) && asks(span));
        let stores = marks.iter().find(|(_, mark)| is_put(mark) || matches!(mark, Mark::PutBack(_)));
        let mark = asking.or_else(|| marks.iter().find(|(span, _)| span.is_primary)).or(stores);
        let mark = mark.map(|(_, mark)| (*mark).clone());
        if let Some(mark) = &mark
            && !adapted.insert(format!("{mark:?}"))
        {
            return true;
        }
        match mark {
            Some(Mark::Put(name)) => {
                let is_guess =
                    self.syntax.bindings.iter().any(|binding| binding.is_guess && binding.name == name);
                let is_gone = error.has_code("E0382") || error.has_code("E0381");
                plan.puts.retain(|other| *other != name);
                plan.returns
                    .iter_mut()
                    .filter(|_| !is_gone)
                    .for_each(|names| names.retain(|other| *other != name));
                if !is_guess {
                    let reason = if is_gone { Lost::Moved(self.source.number, None) } else { Lost::Borrows };
                    compiled.lost.insert(name, reason);
                }
                true
            }
            Some(Mark::PutEarly(index, name)) => {
                plan.returns[index].retain(|other| *other != name);
                true
            }
            Some(Mark::PutBack(name)) => {
                let is_given_anew = self.gives_anew(&name);
                match plan.puts_back.iter().position(|(other, _)| *other == name) {
                    Some(index) if is_given_anew && plan.puts_back[index].1 == PutBack::Always => {
                        plan.puts_back[index].1 = PutBack::AtEnd;
                    }
                    Some(index) => {
                        plan.puts_back.remove(index);
                        if !plan.puts.contains(&name) {
                            let variable = compiled.ledger.variables.get(&name).cloned();
                            compiled.lost.insert(name, Lost::Moved(self.source.number, variable));
                        }
                    }
                    None => {}
                }
                true
            }
            Some(Mark::Take(name)) => {
                if let Some(Variable { r#type, .. }) = compiled.ledger.variables.remove(&name) {
                    compiled.ledger.lost.insert(name.clone(), Lost::Unnameable(r#type));
                }
                plan.takes.retain(|other| *other != name);
                plan.puts_back.retain(|(other, _)| *other != name);
                true
            }
            Some(Mark::Show) => false,
            None if error.message.starts_with("`?` couldn't convert") => {
                // Every such error of one run has the same remedy.
                let is_first = adapted.insert("?".to_owned());
                !is_first || !std::mem::replace(&mut plan.takes_any_error, true)
            }
            None => match self.conflict(error, code) {
                Some(place) => self.resolve(vec![place], compiled),
                None => false,
            },
        }
    }

    /// Whether the cell assigns a new value to a variable.
    fn gives_anew(&self, name: &str) -> bool {
        let text = &self.source.text;
        let is_part = |c: char| c == '_' || c.is_alphanumeric();
        text.match_indices(name).any(|(at, _)| {
            let (before, after) = (text[..at].chars().next_back(), text[at + name.len()..].trim_start());
            !before.is_some_and(|c| is_part(c) || c == '.')
                && after.starts_with('=')
                && !after.starts_with("==")
                && !after.starts_with("=>")
        })
    }

    /// The item of an earlier cell with which, by an error, an item of this cell conflicts.
    fn conflict(&self, error: &RustcMessage, code: &Crate) -> Option<Place> {
        const CODES: [&str; 8] = ["E0428", "E0255", "E0252", "E0254", "E0119", "E0592", "E0260", "E0659"];
        if !CODES.iter().any(|code| error.has_code(code)) {
            return None;
        }
        let children = error.children.iter().flat_map(|child| &child.spans);
        let places: Vec<_> = error
            .spans
            .iter()
            .chain(children)
            .filter_map(|span| code.code.place(span.outermost().range()))
            .collect();
        let is_own = |place: &Place| Arc::ptr_eq(&place.source, &self.source);
        places.iter().any(is_own).then(|| places.into_iter().find(|place| !is_own(place)))?
    }

    fn resolve(&self, conflicts: Vec<Place>, compiled: &mut Compiled) -> bool {
        let removed = conflicts.iter().filter(|place| compiled.ledger.remove_at(&place.source, &place.range));
        removed.count() > 0
    }

    /// The error of a last expression that cannot be shown, in terms of its type.
    fn not_shown(&self, error: &RustcMessage, code: &Crate) -> Option<Diagnostic> {
        let is_show = |span: &Span| code.mark(&span.range()) == Some(&Mark::Show);
        let range = self.syntax.tail.clone().filter(|_| error.spans.iter().any(is_show))?;
        let place = Place { source: self.source.clone(), range };
        let ty = error.message.split('`').nth(3).unwrap_or("the value");
        let mut diagnostic = Diagnostic::error(format!("`{ty}` doesn't implement `Debug`"), Some(place));
        diagnostic.code = Some("E0277".into());
        diagnostic.children.push(Diagnostic::help(format!(
            "add `#[derive(Debug)]` to `{ty}` to show its values, or end the line with `;`"
        )));
        Some(diagnostic)
    }

    /// The errors of the cell as the body of a function; if it has none in that form, the errors of the given
    /// run.
    fn report(&self, plan: &Plan, ledger: &Ledger, output: &RustcOutput, code: &Crate) -> Refused {
        let body = self.generate(plan, ledger, Form::Body);
        match self.run(&body, ledger, Emit::Check) {
            Ok(checked) if errors(&checked).next().is_some() => self.refusal(&checked, &body, ledger),
            Ok(_) => self.refusal(output, code, ledger),
            Err(refused) => refused,
        }
    }

    fn refusal(&self, output: &RustcOutput, code: &Crate, ledger: &Ledger) -> Refused {
        let mut errors: Vec<_> = errors(output)
            .map(|error| {
                let shown = self.not_shown(error, code);
                shown.unwrap_or_else(|| Diagnostic::of(error, &code.code).explained(ledger))
            })
            .collect();
        if errors.is_empty() {
            let text = output.rest.trim();
            errors.push(Diagnostic::error(format!("rustc failed without an error: {text}"), None));
        }
        Refused { errors }
    }

    fn warnings(&self, output: &RustcOutput, code: &Crate) -> Vec<Diagnostic> {
        let warnings = output.messages.iter().filter(|message| message.level == "warning");
        let is_own = |diagnostic: &Diagnostic| {
            diagnostic
                .labels
                .iter()
                .any(|label| label.is_primary && Arc::ptr_eq(&label.place.source, &self.source))
        };
        // Objects are compiled with paths written out in full.
        warnings.map(|warning| Diagnostic::of(warning, &code.code).short()).filter(is_own).collect()
    }

    fn generate(&self, plan: &Plan, ledger: &Ledger, form: Form) -> Crate {
        let mut code =
            generate(&self.context.prelude, ledger, &self.source, &self.syntax, plan, form, self.explored);
        self.declare_crates(&mut code);
        code
    }

    fn declare_crates(&self, code: &mut Crate) {
        let declaration = self.context.brought.declaration_for(&code.code.text);
        code.code.push(declaration);
    }

    fn run(&self, code: &Crate, ledger: &Ledger, emit: Emit) -> Result<RustcOutput, Refused> {
        let Context { compiler, interrupt, .. } = self.context;
        let (name, text, generation) = (name_of(code), &code.code.text, ledger.generation());
        let output = match emit {
            Emit::Object => {
                standby::compile(&self.context.standby, compiler, generation, &name, text, interrupt)
            }
            Emit::Check => compiler.check(&name, text, generation, interrupt),
        };
        output.map_err(|error| {
            let message = format!("{} cannot be run: {error}", compiler.rustc.display());
            Refused { errors: vec![Diagnostic::error(message, None)] }
        })
    }

    fn gave_up(&self) -> Refused {
        let message =
            format!("the cell was compiled {MAX_ATTEMPTS} times in different forms, and rustc refused each");
        Refused { errors: vec![Diagnostic::error(message, None)] }
    }
}

/// The name of a crate's files, by its content.
fn name_of(code: &Crate) -> String {
    format!("cell_{:016x}", code.code.hash())
}

/// The errors of a run, without the summary that counts them.
fn errors(output: &RustcOutput) -> impl Iterator<Item = &RustcMessage> {
    let is_summary =
        |message: &RustcMessage| message.spans.is_empty() && message.message.starts_with("aborting due to");
    output.messages.iter().filter(move |message| message.is_error() && !is_summary(message))
}
