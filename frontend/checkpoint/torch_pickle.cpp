#include "frontend/checkpoint/torch_pickle.h"

#include <unordered_map>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr size_t kMaximumDimensions = 16;
constexpr uint64_t kMaximumPickle = uint64_t(16) << 20;  // a value takes some 60 bytes and can be made by one

// https://github.com/python/cpython/blob/main/Lib/pickletools.py
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kList = 'l',
  kEmptyTuple = ')',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

enum class Kind : uint8_t { none, boolean, integer, real, text, tuple, list, dict, global, storage, tensor };

using Index = uint32_t;  // of a value; containers refer by it, so that cycles own nothing

struct Value {
  Kind kind = Kind::none;
  int64_t integer = 0;            // also: the index into `tensors_` of a tensor, the element count of a storage
  DType type = DType::f32;        // of a storage
  std::string_view text = {};     // also: the key of a storage; "module name" of a global
  std::vector<Index> items = {};  // of a tuple or list; of a dict keys and values in turn
};

struct StorageClass {
  std::string_view name;
  DType type;
};
constexpr StorageClass kStorageClasses[] = {
    {"torch FloatStorage", DType::f32},    {"torch HalfStorage", DType::f16}, {"torch BFloat16Storage", DType::bf16},
    {"torch DoubleStorage", DType::f64},   {"torch LongStorage", DType::i64}, {"torch IntStorage", DType::i32},
    {"torch ShortStorage", DType::i16},    {"torch CharStorage", DType::i8},  {"torch ByteStorage", DType::u8},
    {"torch BoolStorage", DType::boolean},
};
constexpr std::string_view kOrderedDict = "collections OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils _rebuild_tensor";
constexpr std::string_view kRebuildTensor2 = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils _rebuild_parameter";
constexpr std::string_view kSize = "torch Size";
constexpr std::string_view kFunctions[] = {kOrderedDict, kRebuildTensor, kRebuildTensor2, kRebuildParameter, kSize};

std::optional<DType> storage_type(std::string_view global) {
  for (const StorageClass& entry : kStorageClasses)
    if (entry.name == global) return entry.type;
  return std::nullopt;
}

// The name that a global is known by here; empty for those that are refused.
std::string_view known_global(std::string_view global) {
  for (const StorageClass& entry : kStorageClasses)
    if (entry.name == global) return entry.name;
  for (std::string_view function : kFunctions)
    if (function == global) return function;
  return {};
}

class Machine {
 public:
  Machine(Bytes bytes, const std::string& file) : cursor_(bytes), file_(file) {}

  Result<std::vector<PickledTensor>> run() {
    for (;;) {
      const auto opcode = cursor_.read<uint8_t>();
      if (!opcode) return bad("it ends without a stop");
      if (*opcode == kStop) break;
      LK_TRY(step(*opcode));
    }
    LK_ASSIGN(const Index top, pop());
    return tensors_of(values_[top]);
  }

 private:
  template <class... Parts>
  Error bad(const Parts&... parts) const {
    return corrupt(join("[torch] ", file_, ": the pickle is corrupt: ", parts..., " (byte ", cursor_.position(), ")."));
  }

  // --- the stack -------------------------------------------------------------------------------------------------

  size_t fence() const { return marks_.empty() ? 0 : marks_.back(); }

  Result<Index> pop() {
    if (stack_.size() <= fence()) return bad("a value is taken from an empty stack");
    const Index top = stack_.back();
    stack_.pop_back();
    return top;
  }

  Result<Index> top() const {
    if (stack_.size() <= fence()) return bad("a value is read from an empty stack");
    return stack_.back();
  }

  // The values above the last mark, which goes too.
  Result<std::vector<Index>> pop_mark() {
    if (marks_.empty()) return bad("a mark is missing");
    std::vector<Index> items(stack_.begin() + std::ptrdiff_t(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }

  Status push(Value value) {
    values_.push_back(std::move(value));
    stack_.push_back(Index(values_.size() - 1));
    return Done{};
  }

  // --- one instruction -------------------------------------------------------------------------------------------

  Status step(uint8_t opcode) {
    switch (opcode) {
      case kProto:
        return skip(1);
      case kFrame:
        return skip(8);
      case kMark:
        marks_.push_back(stack_.size());
        return Done{};
      case kPop:
        return drop();
      case kPopMark:
        LK_TRY(pop_mark());
        return Done{};
      case kDup:
        return duplicate();
      case kNone:
        return push({});
      case kNewTrue:
        return push({.kind = Kind::boolean, .integer = 1});
      case kNewFalse:
        return push({.kind = Kind::boolean});
      case kBinInt:
        return push_integer<int32_t>();
      case kBinInt1:
        return push_integer<uint8_t>();
      case kBinInt2:
        return push_integer<uint16_t>();
      case kLong1:
        return push_long();
      case kBinFloat:
        LK_TRY(skip(8));
        return push({.kind = Kind::real});
      case kShortBinString:
      case kShortBinUnicode:
        return push_text<uint8_t>();
      case kBinString:
      case kBinUnicode:
        return push_text<uint32_t>();
      case kBinUnicode8:
        return push_text<uint64_t>();
      case kEmptyTuple:
        return push({.kind = Kind::tuple});
      case kEmptyList:
        return push({.kind = Kind::list});
      case kEmptyDict:
        return push({.kind = Kind::dict});
      case kTuple1:
        return push_tuple(1);
      case kTuple2:
        return push_tuple(2);
      case kTuple3:
        return push_tuple(3);
      case kTuple:
        return push_marked(Kind::tuple);
      case kList:
        return push_marked(Kind::list);
      case kDict:
        return push_marked(Kind::dict);
      case kAppend:
        return append(Kind::list, 1);
      case kSetItem:
        return append(Kind::dict, 2);
      case kAppends:
        return append_marked(Kind::list);
      case kSetItems:
        return append_marked(Kind::dict);
      case kBinPut:
        return put<uint8_t>();
      case kLongBinPut:
        return put<uint32_t>();
      case kMemoize:
        return remember(uint32_t(memo_.size()));
      case kBinGet:
        return get<uint8_t>();
      case kLongBinGet:
        return get<uint32_t>();
      case kGlobal:
        return push_global();
      case kStackGlobal:
        return push_stack_global();
      case kBinPersId:
        return push_storage();
      case kReduce:
        return reduce();
      case kBuild:
        return build();
      default:
        return unsupported(
            join("[torch] ", file_, ": the pickle uses instruction ", int(opcode), ", which tensors do not need."));
    }
  }

  Status skip(uint64_t count) {
    if (!cursor_.take(count)) return bad("it is truncated");
    return Done{};
  }

  Status drop() {
    if (!marks_.empty() && stack_.size() == marks_.back()) {
      marks_.pop_back();
      return Done{};
    }
    LK_TRY(pop());
    return Done{};
  }

  Status duplicate() {
    LK_ASSIGN(const Index value, top());
    stack_.push_back(value);
    return Done{};
  }

  template <class T>
  Status push_integer() {
    const auto value = cursor_.read<T>();
    if (!value) return bad("it is truncated");
    return push({.kind = Kind::integer, .integer = *value});
  }

  Status push_long() {
    const auto length = cursor_.read<uint8_t>();
    const auto bytes = length ? cursor_.take(*length) : std::nullopt;
    if (!bytes) return bad("it is truncated");
    if (*length > 8) return bad("an integer has more than 64 bits");
    uint64_t value = 0;
    for (size_t i = 0; i < bytes->size(); ++i) value |= uint64_t((*bytes)[i]) << (8 * i);
    if (*length > 0 && *length < 8 && (uint8_t(bytes->back()) & 0x80)) value |= ~uint64_t(0) << (8 * *length);
    return push({.kind = Kind::integer, .integer = int64_t(value)});
  }

  template <class Length>
  Status push_text() {
    const auto length = cursor_.read<Length>();
    const auto characters = length ? cursor_.take(*length) : std::nullopt;
    if (!characters) return bad("it is truncated");
    return push({.kind = Kind::text, .text = as_text(*characters)});
  }

  Status push_tuple(size_t count) {
    if (stack_.size() < fence() + count) return bad("a tuple lacks values");
    Value tuple{.kind = Kind::tuple};
    tuple.items.assign(stack_.end() - std::ptrdiff_t(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return push(std::move(tuple));
  }

  Status push_marked(Kind kind) {
    LK_ASSIGN(std::vector<Index> items, pop_mark());
    if (kind == Kind::dict && items.size() % 2 != 0) return bad("a dictionary has a key without a value");
    Value value{.kind = kind};
    value.items = std::move(items);
    return push(std::move(value));
  }

  Status extend(Kind kind, const std::vector<Index>& items) {
    LK_ASSIGN(const Index target, top());
    if (values_[target].kind != kind)
      return bad("items are added to something that is no ", kind == Kind::dict ? "dictionary" : "list");
    if (kind == Kind::dict && items.size() % 2 != 0) return bad("a dictionary has a key without a value");
    values_[target].items.insert(values_[target].items.end(), items.begin(), items.end());
    return Done{};
  }

  Status append(Kind kind, size_t count) {
    std::vector<Index> items(count);
    for (size_t i = count; i-- > 0;) {
      LK_ASSIGN(items[i], pop());
    }
    return extend(kind, items);
  }

  Status append_marked(Kind kind) {
    LK_ASSIGN(const std::vector<Index> items, pop_mark());
    return extend(kind, items);
  }

  template <class T>
  Status put() {
    const auto number = cursor_.read<T>();
    if (!number) return bad("it is truncated");
    return remember(*number);
  }

  Status remember(uint32_t number) {
    LK_ASSIGN(memo_[number], top());
    return Done{};
  }

  template <class T>
  Status get() {
    const auto number = cursor_.read<T>();
    if (!number) return bad("it is truncated");
    const auto found = memo_.find(*number);
    if (found == memo_.end()) return bad("it recalls value ", uint32_t(*number), ", which was never kept");
    stack_.push_back(found->second);
    return Done{};
  }

  // --- globals, storages, calls ----------------------------------------------------------------------------------

  Status refuse(std::string_view global) const {
    return unsupported(join("[torch] ", file_, ": the pickle asks for ", global,
                            "; only tensors, parameters and ordered dictionaries of them are read."));
  }

  Status push_named(std::string_view module, std::string_view global) {
    if (module.size() > 200 || global.size() > 200) return bad("the name of a class is too long");
    const std::string_view known = known_global(join(module, " ", global));
    if (known.empty()) return refuse(join(module, ".", global));
    return push({.kind = Kind::global, .text = known});
  }

  Result<std::string_view> line() {
    Cursor ahead = cursor_;
    uint64_t length = 0;
    for (auto byte = ahead.read<char>(); byte && *byte != '\n'; byte = ahead.read<char>()) ++length;
    const auto characters = cursor_.take(length);
    LK_TRY(skip(1));  // the line's end
    return as_text(*characters);
  }

  Status push_global() {
    LK_ASSIGN(const std::string_view module, line());
    LK_ASSIGN(const std::string_view global, line());
    return push_named(module, global);
  }

  Status push_stack_global() {
    LK_ASSIGN(const Index global, pop());
    LK_ASSIGN(const Index module, pop());
    if (values_[global].kind != Kind::text || values_[module].kind != Kind::text)
      return bad("the name of a class is no text");
    return push_named(values_[module].text, values_[global].text);
  }

  // A persistent id is ("storage", class, key, device, element count).
  Status push_storage() {
    LK_ASSIGN(const Index id, pop());
    const std::vector<Index>& items = values_[id].items;
    if (values_[id].kind != Kind::tuple || items.size() != 5) return bad("a storage must be named by five values");
    const Value &tag = values_[items[0]], &type = values_[items[1]], &key = values_[items[2]],
                &count = values_[items[4]];
    if (tag.kind != Kind::text || tag.text != "storage" || type.kind != Kind::global || key.kind != Kind::text ||
        count.kind != Kind::integer || count.integer < 0)
      return bad("a storage is not named by its class, key, device and size");
    const auto element = storage_type(type.text);
    if (!element) return bad("a storage has a class that is none");
    return push({.kind = Kind::storage, .integer = count.integer, .type = *element, .text = key.text});
  }

  Status reduce() {
    LK_ASSIGN(const Index arguments, pop());
    LK_ASSIGN(const Index function, pop());
    if (values_[function].kind != Kind::global || values_[arguments].kind != Kind::tuple) return bad("a call is none");
    const std::string_view called = values_[function].text;
    if (values_[arguments].items.size() > 7) return bad(called, " is called with too many arguments");
    const std::vector<Index> items = values_[arguments].items;
    if (called == kOrderedDict && items.empty()) return push({.kind = Kind::dict});
    if (called == kSize && items.size() == 1 && values_[items[0]].kind == Kind::tuple) return again(items[0]);
    if (called == kRebuildParameter && items.size() == 3 && values_[items[0]].kind == Kind::tensor)
      return again(items[0]);
    if (called == kRebuildTensor && items.size() == 4) return push_tensor(items);
    if (called == kRebuildTensor2 && (items.size() == 6 || items.size() == 7)) return push_tensor(items);
    return bad(called, " is called with ", items.size(), " arguments that do not suit it");
  }

  Status again(Index value) {
    stack_.push_back(value);
    return Done{};
  }

  Result<std::vector<uint64_t>> naturals(const Value& value) const {
    if (value.kind != Kind::tuple || value.items.size() > kMaximumDimensions)
      return bad("a shape is no tuple of at most ", kMaximumDimensions, " numbers");
    std::vector<uint64_t> numbers;
    for (Index item : value.items) {
      if (values_[item].kind != Kind::integer || values_[item].integer < 0)
        return bad("a shape holds something else than natural numbers");
      numbers.push_back(uint64_t(values_[item].integer));
    }
    return numbers;
  }

  // (storage, offset, shape, strides, ...)
  Status push_tensor(const std::vector<Index>& items) {
    const Value &storage = values_[items[0]], &offset = values_[items[1]];
    if (storage.kind != Kind::storage || offset.kind != Kind::integer || offset.integer < 0)
      return bad("a tensor is made from no storage");
    PickledTensor tensor;
    tensor.type = storage.type;
    tensor.storage = storage.text;
    tensor.storage_elements = uint64_t(storage.integer);
    tensor.offset = uint64_t(offset.integer);
    LK_ASSIGN(tensor.shape, naturals(values_[items[2]]));
    LK_ASSIGN(tensor.strides, naturals(values_[items[3]]));
    if (tensor.shape.size() != tensor.strides.size())
      return bad("a tensor has ", tensor.shape.size(), " dimensions and ", tensor.strides.size(), " strides");
    tensors_.push_back(std::move(tensor));
    return push({.kind = Kind::tensor, .integer = int64_t(tensors_.size() - 1)});
  }

  // Only ordered dictionaries get attributes (their version notes), which say nothing about tensors.
  Status build() {
    LK_TRY(pop());
    LK_ASSIGN(const Index target, top());
    if (values_[target].kind != Kind::dict) return bad("attributes are set on something that is no dictionary");
    return Done{};
  }

  Result<std::vector<PickledTensor>> tensors_of(const Value& dict) const {
    if (dict.kind == Kind::tensor) return std::vector{tensors_[size_t(dict.integer)]};
    if (dict.kind != Kind::dict)
      return unsupported(join("[torch] ", file_, ": the file holds no dictionary of tensors, but something else."));
    std::vector<PickledTensor> named;
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const Value &key = values_[dict.items[i]], &value = values_[dict.items[i + 1]];
      if (key.kind != Kind::text || value.kind != Kind::tensor) continue;
      if (key.text.size() > 65535) return bad("the name of a tensor is too long");
      named.push_back(tensors_[size_t(value.integer)]);
      named.back().name = key.text;
    }
    if (named.empty()) return unsupported(join("[torch] ", file_, ": the file's dictionary holds no tensors."));
    return named;
  }

  Cursor cursor_;
  const std::string& file_;
  std::vector<Value> values_;
  std::vector<Index> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, Index> memo_;
  std::vector<PickledTensor> tensors_;
};

}  // namespace

std::string_view torch_storage_class(DType type) {
  for (const StorageClass& entry : kStorageClasses)
    if (entry.type == type) return entry.name.substr(entry.name.find(' ') + 1);
  return {};
}

Result<std::vector<PickledTensor>> parse_torch_pickle(Bytes bytes, const std::string& file) {
  if (bytes.size() > kMaximumPickle)
    return corrupt(join("[torch] ", file, ": the pickle has ", bytes.size(), " bytes; at most ", kMaximumPickle,
                        " was expected."));
  return Machine(bytes, file).run();
}

}  // namespace lorikeet
