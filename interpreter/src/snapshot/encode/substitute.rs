//! Library objects whose own `__reduce_ex__` is of no use elsewhere, and the calls that make them
//! again: it names a global of a module that can't be imported there, or there is none.

use malachite_bigint::BigInt;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyDict, PyTuple, PyType, PyWeak};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult};

use super::{Encoder, Frame, Step};
use crate::session;
use crate::snapshot::error::snapshot_error_type;
use crate::snapshot::identity;

/// A call, and the state that completes what it returns.
struct Call {
    callable: PyObjectRef,
    args: Vec<PyObjectRef>,
    /// A state, and the callable that sets it.
    state: Option<(PyObjectRef, PyObjectRef)>,
    /// It is to be the same object again where it is known.
    has_identity: bool,
    /// What is in its `__dict__` isn't part of the call.
    has_attributes: bool,
    /// Names and values of attributes that aren't part of the call, where others are.
    attributes: Vec<PyObjectRef>,
}

impl Call {
    const fn new(callable: PyObjectRef, args: Vec<PyObjectRef>) -> Self {
        Self {
            callable,
            args,
            state: None,
            has_identity: false,
            has_attributes: false,
            attributes: Vec::new(),
        }
    }

    const fn identified(mut self) -> Self {
        self.has_identity = true;
        self
    }

    const fn with_attributes(mut self) -> Self {
        self.has_attributes = true;
        self
    }

    fn with_state(mut self, state: PyObjectRef, setter: PyObjectRef) -> Self {
        self.state = Some((state, setter));
        self
    }
}

impl Encoder<'_> {
    /// Whether the class of an object has a substitute that comes before anything else.
    pub fn has_substitute(&self, object: &PyObject) -> bool {
        const FIRST: [&str; 12] = [
            "weakproxy",
            "weakcallableproxy",
            "Struct",
            "mappingproxy",
            "partialmethod",
            "WeakKeyDictionary",
            "WeakValueDictionary",
            "WeakSet",
            "count",
            "Scanner",
            "Pattern",
            "_deque_reverse_iterator",
        ];
        let class = object.class();
        FIRST.contains(&&*class.name())
            || self.is_heap_descriptor(object)
            || self.is_memory_file(object)
            || self.weak_of_subclass(object).is_some()
            || self.view_method(object).is_some()
    }

    /// Starts carrying an object as a call, if it is one of those this file knows.
    pub fn substitute(&mut self, object: &PyObject, origin: u32) -> PyResult<bool> {
        let call = match self.call_for(object, origin) {
            // A bound or a default that can't be computed, say.
            Err(error) if self.is_reason(&error) => return Err(self.refuse_because(origin, error)),
            call => call?,
        };
        let Some(call) = call else {
            return Ok(false);
        };
        let args = self.vm.ctx.new_tuple(call.args);
        let children = vec![call.callable, args.into()];
        let step = match call.has_identity {
            true => Step::Identified {
                identity: identity::of(self.vm, object),
            },
            false => Step::Reduced,
        };
        let mut frame = Frame::new(step, object.to_owned(), origin, children);
        if let Some((state, setter)) = call.state {
            let step = Step::FillState {
                item_count: 0,
                pair_count: 0,
                present: super::state_present::STATE | super::state_present::SETTER,
            };
            let fill = Frame::new(step, object.to_owned(), origin, vec![state, setter]);
            frame.then.push(fill.draining());
        }
        if call.has_attributes && !self.attributes(object)?.is_empty() {
            let fill = Frame::new(Step::FillInstance, object.to_owned(), origin, Vec::new());
            frame.then.push(fill);
        }
        if !call.attributes.is_empty() {
            let given = self.given_attributes(object, origin, call.attributes);
            frame.then.push(given);
        }
        self.begin(frame.draining())?;
        Ok(true)
    }

    /// Whether an error says why an object can't be carried: it is no interrupt, and says no path yet.
    fn is_reason(&self, error: &PyBaseExceptionRef) -> bool {
        error.fast_isinstance(self.vm.ctx.exceptions.exception_type)
            && !error.fast_isinstance(snapshot_error_type())
    }

    /// A reference of a subclass of `weakref.ref`; proxies are others.
    fn weak_of_subclass<'o>(&self, object: &'o PyObject) -> Option<&'o Py<PyWeak>> {
        let native = super::native_base(object.class());
        let is_reference = native.is(self.vm.ctx.types.weakref_type);
        object.downcast_ref::<PyWeak>().filter(|_| is_reference)
    }

    /// Whether an object is a file in memory, or of a subclass of one.
    fn is_memory_file(&self, object: &PyObject) -> bool {
        let native = super::native_base(object.class());
        ["BytesIO", "StringIO"].contains(&&*native.name())
            && self.full_name(native).starts_with("_io.")
    }

    /// Whether an object is of a subclass of `property`, `classmethod` or `staticmethod`.
    fn is_heap_descriptor(&self, object: &PyObject) -> bool {
        let types = &self.vm.ctx.types;
        let native = super::native_base(object.class());
        !native.is(object.class())
            && (native.is(types.property_type)
                || native.is(types.classmethod_type)
                || native.is(types.staticmethod_type))
    }

    /// What made a view of a dict.
    fn view_method(&self, object: &PyObject) -> Option<&'static str> {
        let types = &self.vm.ctx.types;
        let class = object.class();
        match &*class.name() {
            _ if class.is(types.dict_keys_type) => Some("keys"),
            _ if class.is(types.dict_values_type) => Some("values"),
            _ if class.is(types.dict_items_type) => Some("items"),
            "odict_keys" => Some("keys"),
            "odict_values" => Some("values"),
            "odict_items" => Some("items"),
            _ => None,
        }
    }

    /// What a view is of: only the collector tells.
    fn viewed(&self, proxy: PyObjectRef) -> PyResult<Vec<PyObjectRef>> {
        let vm = self.vm;
        let referents = vm.import("gc", 0)?.get_attr("get_referents", vm)?;
        referents.call((proxy,), vm)?.try_to_value(vm)
    }

    /// A view of a mapping is made of the mapping, and one of a class's names asked for again.
    fn mapping_proxy(&self, object: &PyObject, class: PyObjectRef, origin: u32) -> PyResult<Call> {
        let viewed = self.viewed(object.to_owned())?.into_iter().next();
        let viewed = viewed.ok_or_else(|| self.refuse_object(origin))?;
        if viewed.downcast_ref::<PyType>().is_some() {
            return self.class_names(viewed);
        }
        Ok(Call::new(class, vec![viewed]))
    }

    /// The call that gives the `__dict__` of a class.
    fn class_names(&self, class: PyObjectRef) -> PyResult<Call> {
        let vm = self.vm;
        let getter = vm.import("operator", 0)?.get_attr("attrgetter", vm)?;
        Ok(Call::new(getter.call(("__dict__",), vm)?, vec![class]))
    }

    /// A view of a dict is asked for again.
    fn view(&self, object: &PyObject, method: &'static str, origin: u32) -> PyResult<Call> {
        let vm = self.vm;
        let types = &vm.ctx.types;
        let mut dicts = self.viewed(object.get_attr("mapping", vm)?)?.into_iter();
        let dict = dicts.find(|referent| referent.class().fast_issubclass(types.dict_type));
        let dict = dict.ok_or_else(|| self.refuse_object(origin))?;
        let method = types.dict_type.as_object().get_attr(method, vm)?;
        Ok(match dict.class().is(types.dict_type) {
            true => Call::new(method, vec![dict]),
            false => {
                let name = method.get_attr("__name__", vm)?;
                let getter = vm.import("operator", 0)?.get_attr("methodcaller", vm)?;
                Call::new(getter.call((name,), vm)?, vec![dict])
            }
        })
    }

    fn call_for(&mut self, object: &PyObject, origin: u32) -> PyResult<Option<Call>> {
        let vm = self.vm;
        let class: PyObjectRef = object.class().to_owned().into();
        if self.is_heap_descriptor(object) {
            return self.heap_descriptor(object, class).map(Some);
        }
        if let Some(method) = self.view_method(object) {
            return self.view(object, method, origin).map(Some);
        }
        if self.is_memory_file(object) {
            return self.memory_file(object, class);
        }
        if let Some(reference) = self.weak_of_subclass(object) {
            return self.weak_subclass(reference, object, class, origin);
        }
        let name = self.full_name(object.class());
        Ok(Some(match name.as_str() {
            "builtins.mappingproxy" | "types.MappingProxyType" => {
                self.mapping_proxy(object, class, origin)?
            }
            "functools.partialmethod" => {
                let mut args = vec![object.get_attr("func", vm)?];
                self.extend_with_tuple(&mut args, object.get_attr("args", vm)?);
                let keywords = object.get_attr("keywords", vm)?;
                Call::new(self.partial(class, Keywords::Dict(keywords))?, args)
            }
            "weakref.WeakKeyDictionary" | "weakref.WeakValueDictionary" => {
                let items = vm.call_method(object, "items", ())?;
                let dict = vm.ctx.types.dict_type.as_object().call((items,), vm)?;
                let dict = dict.downcast::<PyDict>().ok();
                let dict = dict.ok_or_else(|| vm.new_type_error("a dict isn't a dict"))?;
                let targets = match name.ends_with("KeyDictionary") {
                    true => dict.keys_vec(),
                    false => dict.values_vec(),
                };
                match self.check_weak_entries(targets, origin)? {
                    true => Call::new(class, vec![dict.into()]),
                    false => Call::new(class, Vec::new()),
                }
            }
            "weakref.weakproxy" | "weakref.weakcallableproxy" => {
                let Some(target) = self.behind_proxy(object) else {
                    return Ok(None);
                };
                let proxy = vm.import("weakref", 0)?.get_attr("proxy", vm)?;
                match self.check_weak_entries([target.clone()], origin)? {
                    true => Call::new(proxy, vec![target]),
                    false => Call::new(proxy, Vec::new()),
                }
            }
            "_weakrefset.WeakSet" => {
                let list = vm.ctx.types.list_type.as_object();
                let elements = list.call((object.to_owned(),), vm)?;
                let targets: Vec<PyObjectRef> = elements.try_to_value(vm)?;
                match self.check_weak_entries(targets, origin)? {
                    true => Call::new(class, vec![elements]),
                    false => Call::new(class, Vec::new()),
                }
            }
            "itertools.count" => match self.count_at(object)? {
                Some(args) => Call::new(class, args),
                None => return Ok(None),
            },
            "re.Scanner" => self.scanner(object, class)?,
            "re.Pattern" if vm.is_none(&*object.get_attr("pattern", vm)?) => {
                let sentence = "a pattern that re.Scanner has made can't be carried without it";
                return Err(self.refuse_at(origin, sentence));
            }
            // No module has the class by its name.
            "collections._deque_reverse_iterator" => {
                let reduced = vm.call_method(object, "__reduce__", ())?;
                let args = reduced.get_item(&1, vm)?.try_to_value(vm)?;
                let made = session::import(vm, "rhumba._making")?;
                Call::new(made.get_attr("reversed_deque", vm)?, args)
            }
            "_struct.Struct" => Call::new(class, vec![object.get_attr("format", vm)?]),
            "functools._lru_cache_wrapper" => self.cached_function(object)?,
            "typing.NewType" => {
                let name = object.get_attr("__name__", vm)?;
                let call = Call::new(class, vec![name, object.get_attr("__supertype__", vm)?]);
                self.of_module(call, object)?.identified()
            }
            "typing.TypeAliasType" => {
                if let Some(call) = self.lazy_alias(object)? {
                    return Ok(Some(call));
                }
                let names = ["__name__", "__value__"].map(|name| object.get_attr(name, vm));
                let args = names.into_iter().collect::<PyResult<Vec<_>>>()?;
                let keywords = [("type_params", "__type_params__")];
                let call = Call::new(self.partial(class, Keywords::Of(object, &keywords))?, args);
                self.of_module(call, object)?.identified()
            }
            "typing.TypeVar" | "typing.ParamSpec" => {
                const KEYWORDS: [(&str, &str); 5] = [
                    ("default", "__default__"),
                    ("bound", "__bound__"),
                    ("covariant", "__covariant__"),
                    ("contravariant", "__contravariant__"),
                    ("infer_variance", "__infer_variance__"),
                ];
                let mut args = vec![object.get_attr("__name__", vm)?];
                if let Some(constraints) = vm.get_attribute_opt(object, "__constraints__")? {
                    self.extend_with_tuple(&mut args, constraints);
                }
                let call = Call::new(self.partial(class, Keywords::Of(object, &KEYWORDS))?, args);
                self.of_module(call, object)?.identified()
            }
            "typing.TypeVarTuple" => {
                let name = object.get_attr("__name__", vm)?;
                let keywords = [("default", "__default__")];
                let callable = self.partial(class, Keywords::Of(object, &keywords))?;
                self.of_module(Call::new(callable, vec![name]), object)?
                    .identified()
            }
            _ => return Ok(None),
        }))
    }

    /// A scanner is made of its rules. Its other attributes are given to it.
    fn scanner(&self, object: &PyObject, class: PyObjectRef) -> PyResult<Call> {
        let vm = self.vm;
        let lexicon = object.get_attr("lexicon", vm)?;
        let flags = object.get_attr("scanner", vm)?.get_attr("flags", vm)?;
        let mut call = Call::new(class, vec![lexicon, flags]);
        for (name, value) in self.attributes(object)? {
            let is_made = match self.text(&name).as_deref() {
                Some("lexicon" | "scanner") => true,
                // That of the last scan.
                Some("match") => &*value.class().name() == "Match",
                _ => false,
            };
            if !is_made {
                call.attributes.extend([name, value]);
            }
        }
        Ok(call)
    }

    /// A call, and behind it the name of the module that the object says it was made in: it would be that
    /// of whoever makes it again.
    fn of_module(&self, call: Call, object: &PyObject) -> PyResult<Call> {
        let vm = self.vm;
        let module = object.get_attr("__module__", vm)?;
        let setter = session::import(vm, "rhumba._making")?.get_attr("set_module", vm)?;
        Ok(call.with_state(module, setter))
    }

    /// Where a count has got to and its step, which only its text tells; `None` if they are more than
    /// numbers.
    fn count_at(&self, object: &PyObject) -> PyResult<Option<Vec<PyObjectRef>>> {
        let vm = self.vm;
        let text = object.repr(vm)?;
        let text = text.to_string_lossy();
        let Some(args) = text
            .strip_prefix("count(")
            .and_then(|text| text.strip_suffix(')'))
        else {
            return Ok(None);
        };
        let number = |text: &str| -> Option<PyObjectRef> {
            match text.parse::<BigInt>() {
                Ok(int) => Some(vm.ctx.new_bigint(&int).into()),
                Err(_) => Some(vm.ctx.new_float(text.parse().ok()?).into()),
            }
        };
        Ok(args.split(", ").map(number).collect())
    }

    /// They are made by the native `__new__` and given what the native `__init__` takes: what that of a
    /// subclass wants isn't known.
    fn heap_descriptor(&self, object: &PyObject, class: PyObjectRef) -> PyResult<Call> {
        let vm = self.vm;
        let native = super::native_base(object.class());
        let new = native.as_object().get_attr("__new__", vm)?;
        if native.is(vm.ctx.types.property_type) {
            let parts = ["fget", "fset", "fdel", "__doc__"].map(|name| object.get_attr(name, vm));
            let parts = parts.into_iter().collect::<PyResult<Vec<_>>>()?;
            let setter = session::import(vm, "rhumba._making")?.get_attr("fill_property", vm)?;
            let call = Call::new(new, vec![class]);
            let call = call.with_state(vm.ctx.new_tuple(parts).into(), setter);
            return Ok(call.with_attributes());
        }
        let function = object.get_attr("__func__", vm)?;
        let init = native.as_object().get_attr("__init__", vm)?;
        let call = Call::new(new, vec![class, function.clone()]);
        Ok(call.with_state(function, init).with_attributes())
    }

    /// A reference of a subclass of `weakref.ref` is made by the native `__new__`. Only WeakMethod is
    /// known to need more: it is made of its method.
    fn weak_subclass(
        &mut self,
        reference: &Py<PyWeak>,
        object: &PyObject,
        class: PyObjectRef,
        origin: u32,
    ) -> PyResult<Option<Call>> {
        let vm = self.vm;
        let classes = object.class().mro_collect();
        let names: Vec<String> = classes.iter().map(|class| self.full_name(class)).collect();
        let none = || vm.ctx.none();
        let callback = vm.get_attribute_opt(object, "__callback__")?;
        let callback = callback.unwrap_or_else(none);
        if names.iter().any(|name| name == "weakref.WeakMethod") {
            let method = object.call((), vm)?;
            if vm.is_none(&method) {
                return Ok(None);
            }
            let parts = ["__self__", "__func__"].map(|part| method.get_attr(part, vm));
            let parts = parts.into_iter().collect::<PyResult<Vec<_>>>()?;
            return Ok(Some(match self.check_weak_entries(parts, origin)? {
                // Its own callback has the one that it was given.
                true => Call::new(
                    class,
                    vec![method, self.variable_of(&callback, "callback")?],
                ),
                false => Call::new(class, Vec::new()),
            }));
        }
        let Some(target) = reference.upgrade() else {
            return Ok(None);
        };
        let target = match self.check_weak_entries([target.clone()], origin)? {
            true => target,
            false => none(),
        };
        let native = super::native_base(object.class());
        let new = native.as_object().get_attr("__new__", vm)?;
        let call = Call::new(new, vec![class, target, callback]).with_attributes();
        Ok(Some(call))
    }

    /// What a variable of a function's closure is bound to; None where it has no such.
    fn variable_of(&self, function: &PyObject, name: &str) -> PyResult<PyObjectRef> {
        let vm = self.vm;
        let Some(code) = vm.get_attribute_opt(function, "__code__")? else {
            return Ok(vm.ctx.none());
        };
        let names: Vec<PyObjectRef> = code.get_attr("co_freevars", vm)?.try_to_value(vm)?;
        let names = names.iter().map(|name| self.text(name));
        let index = names
            .into_iter()
            .position(|free| free.as_deref() == Some(name));
        let Some(index) = index else {
            return Ok(vm.ctx.none());
        };
        let cells = function.get_attr("__closure__", vm)?;
        cells.get_item(&index, vm)?.get_attr("cell_contents", vm)
    }

    /// A native descriptor that asking its class would bind: it is in the class's dict.
    pub fn class_entry(&mut self, object: &PyObject, origin: u32) -> PyResult<bool> {
        let vm = self.vm;
        let class = vm.get_attribute_opt(object, "__objclass__")?;
        let (Some(class), Some(name)) = (class, vm.get_attribute_opt(object, "__name__")?) else {
            return Ok(false);
        };
        let names = class.get_attr("__dict__", vm)?;
        if !names
            .get_item(&*name, vm)
            .is_ok_and(|entry| entry.is(object))
        {
            return Ok(false);
        }
        let getter = vm.import("operator", 0)?.get_attr("itemgetter", vm)?;
        let args = vm.ctx.new_tuple(vec![names]);
        let children = vec![getter.call((name,), vm)?, args.into()];
        let frame = Frame::new(Step::Reduced, object.to_owned(), origin, children);
        self.begin(frame.draining())?;
        Ok(true)
    }

    /// An alias that a `type` statement made: it may stand for itself, so its value isn't asked for. That of a
    /// generic one goes along where it can.
    fn lazy_alias(&self, object: &PyObject) -> PyResult<Option<Call>> {
        let vm = self.vm;
        let aliases = session::import(vm, "rhumba._alias")?;
        let compute = aliases
            .get_attr("computing", vm)?
            .call((object.to_owned(),), vm)?;
        let parameters = object.get_attr("__type_params__", vm)?;
        let has_none = parameters
            .downcast_ref::<PyTuple>()
            .is_some_and(|parameters| parameters.is_empty());
        if !compute.class().is(vm.ctx.types.function_type) {
            return Ok(None);
        }
        let [name, module] = ["__name__", "__module__"].map(|name| object.get_attr(name, vm));
        let mut args = vec![name?, compute, module?];
        let maker = match has_none {
            true => "lazy",
            false => {
                let needs_itself = aliases.get_attr("needs_itself", vm)?;
                let needs_itself = needs_itself.call((object.to_owned(),), vm)?;
                if !needs_itself.is(&vm.ctx.true_value) {
                    return Ok(None);
                }
                // What computes its value refers to them.
                args.push(parameters);
                "generic"
            }
        };
        let maker = aliases.get_attr(maker, vm)?;
        Ok(Some(Call::new(maker, args).identified()))
    }

    /// A file in memory is data: its content, and the position in it. It is made by the native
    /// `__new__`, as nobody knows what the `__init__` of a subclass wants.
    fn memory_file(&self, object: &PyObject, class: PyObjectRef) -> PyResult<Option<Call>> {
        let vm = self.vm;
        let closed = object.get_attr("closed", vm)?;
        if closed.is(&vm.ctx.true_value) {
            return Ok(None);
        }
        let native = super::native_base(object.class()).as_object();
        let ask =
            |method: &'static str| native.get_attr(method, vm)?.call((object.to_owned(),), vm);
        let content = ask("getvalue")?;
        let position = ask("tell")?;
        let new = native.get_attr("__new__", vm)?;
        let setter = session::import(vm, "rhumba._memory_file")?.get_attr("fill", vm)?;
        let mut state = vec![content, position];
        if &*super::native_base(object.class()).name() == "StringIO" {
            // Content, newline, position, attributes.
            state.push(ask("__getstate__")?.get_item(&1, vm)?);
        }
        let state = vm.ctx.new_tuple(state);
        let call = Call::new(new, vec![class]);
        Ok(Some(
            call.with_state(state.into(), setter).with_attributes(),
        ))
    }

    /// A function under `functools.lru_cache` arrives with an empty cache.
    fn cached_function(&self, object: &PyObject) -> PyResult<Call> {
        let vm = self.vm;
        let parameters = vm.call_method(object, "cache_parameters", ())?;
        let keywords = [("maxsize", "maxsize"), ("typed", "typed")];
        let mut call = FuncArgs::default();
        for (keyword, key) in keywords {
            let value = parameters.get_item(key, vm)?;
            call.kwargs.insert(keyword.into(), value);
        }
        let lru_cache = vm.import("functools", 0)?.get_attr("lru_cache", vm)?;
        let decorator = lru_cache.call_with_args(call, vm)?;
        let wrapped = object.get_attr("__wrapped__", vm)?;
        Ok(Call::new(decorator, vec![wrapped]).with_attributes())
    }

    fn extend_with_tuple(&self, args: &mut Vec<PyObjectRef>, tuple: PyObjectRef) {
        if let Some(tuple) = tuple.downcast_ref::<PyTuple>() {
            args.extend_from_slice(tuple.as_slice());
        }
    }

    /// Records know no keyword arguments; a `functools.partial` holds them.
    fn partial(&self, callable: PyObjectRef, keywords: Keywords<'_>) -> PyResult<PyObjectRef> {
        let vm = self.vm;
        let mut call = FuncArgs::from(vec![callable]);
        match keywords {
            Keywords::Dict(dict) => {
                if let Some(dict) = dict.downcast_ref::<PyDict>() {
                    for (key, value) in dict.items_vec() {
                        let key = key.str(vm)?;
                        call.kwargs.insert(key.as_wtf8().to_owned(), value);
                    }
                }
            }
            Keywords::Of(object, names) => {
                for (keyword, attribute) in names {
                    let value = object.get_attr(*attribute, vm)?;
                    // A default may be None.
                    let is_absent = match *keyword {
                        "default" => &*value.class().name() == "NoDefaultType",
                        _ => vm.is_none(&value) || value.is(&vm.ctx.false_value),
                    };
                    if !is_absent {
                        call.kwargs.insert((*keyword).into(), value);
                    }
                }
            }
        }
        let partial = vm.import("functools", 0)?.get_attr("partial", vm)?;
        partial.call_with_args(call, vm)
    }
}

/// Keyword arguments of a call.
enum Keywords<'a> {
    Dict(PyObjectRef),
    /// Attributes of an object, where they aren't what they are if nothing is said of them.
    Of(&'a PyObject, &'a [(&'static str, &'static str)]),
}
