// Reads the interface of a compute shader from its SPIR-V: one pass over the words, which may be hostile. Numbers are
// those of the SPIR-V specification 1.6, section 3.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <unordered_map>

#include "runtime/base/text.h"
#include "runtime/device/kernel.h"
#include "runtime/device/spirv_constants.h"

namespace lorikeet {
namespace {

constexpr uint32_t kMagic = 0x07230203;
constexpr uint32_t kMaxBindings = 64;
constexpr uint64_t kHuge = uint64_t(1) << 40;  // sizes saturate here

enum Op : uint32_t {
  kOpName = 5,
  kOpEntryPoint = 15,
  kOpExecutionMode = 16,
  kOpCapability = 17,
  kOpTypeBool = 20,
  kOpTypeInt = 21,
  kOpTypeFloat = 22,
  kOpTypeVector = 23,
  kOpTypeMatrix = 24,
  kOpTypeArray = 28,
  kOpTypeRuntimeArray = 29,
  kOpTypeStruct = 30,
  kOpTypePointer = 32,
  kOpConstantTrue = 41,
  kOpConstantFalse = 42,
  kOpConstant = 43,
  kOpConstantComposite = 44,
  kOpSpecConstantTrue = 48,
  kOpSpecConstantFalse = 49,
  kOpSpecConstant = 50,
  kOpSpecConstantComposite = 51,
  kOpSpecConstantOp = 52,
  kOpVariable = 59,
  kOpDecorate = 71,
  kOpMemberDecorate = 72,
  kOpDecorationGroup = 73,
  kOpExecutionModeId = 331,
};
enum Decoration : uint32_t {
  kSpecId = 1,
  kBlock = 2,
  kBufferBlock = 3,
  kArrayStride = 6,
  kMatrixStride = 7,
  kBuiltIn = 11,
  kNonWritable = 24,
  kNonReadable = 25,
  kBinding = 33,
  kDescriptorSet = 34,
  kOffset = 35,
};
enum StorageClass : uint32_t {
  kUniformConstant = 0,
  kInput = 1,
  kUniform = 2,
  kWorkgroup = 4,
  kPushConstant = 9,
  kStorageBuffer = 12
};
constexpr uint32_t kBuiltInWorkgroupSize = 25, kGLCompute = 5, kLocalSize = 17, kLocalSizeId = 38;

struct Decorations {
  std::optional<uint32_t> spec_id, binding, set, array_stride;
  bool block = false, buffer_block = false, non_writable = false, non_readable = false, workgroup_size = false;
};
struct Member {
  std::optional<uint32_t> offset;
  uint32_t matrix_stride = 0;
  bool non_writable = false, non_readable = false;
};

struct Type {
  enum Kind { scalar, vector, matrix, array, runtime_array, structure, pointer } kind = scalar;
  uint64_t size = 0;       // bytes as laid out by the decorations, or packed where there are none
  uint32_t alignment = 1;  // of workgroup memory without a layout
  uint32_t element = 0;    // type id of the element, component or pointee
  uint32_t columns = 0;
  uint32_t storage_class = 0;
  uint32_t members = 0;
  bool all_non_writable = false, all_non_readable = false;
};

uint64_t saturating(uint64_t a, uint64_t b) { return b && a > kHuge / b ? kHuge : a * b; }

class Reflection {
 public:
  Reflection(std::span<const uint32_t> words, std::span<const SpecialisationConstant> given)
      : words_(words), constants_(given) {}

  Result<KernelInterface> run() {
    if (words_.size() < 5 || words_[0] != kMagic)
      return corrupt("[spirv] The words do not begin like a SPIR-V module.");
    for (size_t at = 5; at < words_.size();) {
      const uint32_t count = words_[at] >> 16;
      if (count == 0 || count > words_.size() - at) return bad(at, "an instruction reaches beyond the end");
      LK_TRY(instruction(at, words_[at] & 0xffff, words_.subspan(at + 1, count - 1)));
      at += count;
    }
    LK_TRY(finish());
    return std::move(out_);
  }

 private:
  using Operands = std::span<const uint32_t>;

  static Error bad(size_t at, std::string_view why) { return corrupt(join("[spirv] Word ", at, ": ", why, ".")); }

  static std::string text(Operands words) {
    const char* bytes = reinterpret_cast<const char*>(words.data());
    return std::string(bytes, strnlen(bytes, words.size() * 4));
  }

  Status instruction(size_t at, uint32_t op, Operands o) {
    static constexpr struct {
      uint32_t op, operands;
    } kShortest[] = {{kOpName, 2},
                     {kOpEntryPoint, 3},
                     {kOpExecutionMode, 2},
                     {kOpExecutionModeId, 2},
                     {kOpCapability, 1},
                     {kOpTypeBool, 1},
                     {kOpTypeInt, 3},
                     {kOpTypeFloat, 2},
                     {kOpTypeVector, 3},
                     {kOpTypeMatrix, 3},
                     {kOpTypeArray, 3},
                     {kOpTypeRuntimeArray, 2},
                     {kOpTypeStruct, 1},
                     {kOpTypePointer, 3},
                     {kOpConstantTrue, 2},
                     {kOpConstantFalse, 2},
                     {kOpConstant, 3},
                     {kOpConstantComposite, 2},
                     {kOpSpecConstantTrue, 2},
                     {kOpSpecConstantFalse, 2},
                     {kOpSpecConstant, 3},
                     {kOpSpecConstantComposite, 2},
                     {kOpSpecConstantOp, 3},
                     {kOpVariable, 3},
                     {kOpDecorate, 2},
                     {kOpMemberDecorate, 3}};
    for (const auto& row : kShortest)
      if (row.op == op && o.size() < row.operands) return bad(at, "an instruction is too short");
    switch (op) {
      case kOpCapability:
        out_.capabilities.push_back(o[0]);
        return Done{};
      case kOpName:
        names_[o[0]] = text(o.subspan(1));
        return Done{};
      case kOpEntryPoint:
        return entry_point(o);
      case kOpExecutionMode:
      case kOpExecutionModeId:
        return execution_mode(at, op, o);
      case kOpDecorate:
        return decorate(at, o);
      case kOpMemberDecorate:
        return decorate_member(at, o);
      case kOpDecorationGroup:
        return unsupported("[spirv] Decoration groups are not read.");
      case kOpTypeBool:
      case kOpTypeInt:
      case kOpTypeFloat:
      case kOpTypeVector:
      case kOpTypeMatrix:
      case kOpTypeArray:
      case kOpTypeRuntimeArray:
      case kOpTypeStruct:
      case kOpTypePointer:
        return type(at, op, o);
      case kOpConstantTrue:
        return constant(o[1], 1);
      case kOpConstantFalse:
        return constant(o[1], 0);
      case kOpConstant:
        return constant(o[1], o.size() > 3 ? o[2] | uint64_t(o[3]) << 32 : o[2]);
      case kOpSpecConstantTrue:
        return specialised(o[1], 1);
      case kOpSpecConstantFalse:
        return specialised(o[1], 0);
      case kOpSpecConstant:
        return specialised(o[1], o.size() > 3 ? o[2] | uint64_t(o[3]) << 32 : o[2]);
      case kOpConstantComposite:
      case kOpSpecConstantComposite:
        constants_.composite(o[1], o.subspan(2));
        return Done{};
      case kOpSpecConstantOp:
        constants_.operation(o[1], o[2], o.subspan(3));
        return Done{};
      case kOpVariable:
        return variable(at, o);
      default:
        return Done{};
    }
  }

  Status entry_point(Operands o) {
    if (o[0] != kGLCompute) return unsupported("[spirv] The module has an entry point that is no compute shader.");
    if (has_entry_) return unsupported("[spirv] The module has several entry points.");
    if (text(o.subspan(2)) != "main") return unsupported("[spirv] The entry point is not called main.");
    has_entry_ = true;
    return Done{};
  }

  Status execution_mode(size_t at, uint32_t op, Operands o) {
    if (op == kOpExecutionMode && o[1] == kLocalSize) {
      if (o.size() < 5) return bad(at, "a local size needs three numbers");
      std::copy_n(o.begin() + 2, 3, out_.workgroup);
    } else if (op == kOpExecutionModeId && o[1] == kLocalSizeId) {
      if (o.size() < 5) return bad(at, "a local size needs three numbers");
      local_size_ids_ = {o[2], o[3], o[4]};
    }
    return Done{};
  }

  Status decorate(size_t at, Operands o) {
    Decorations& d = decorations_[o[0]];
    const auto number = [&](std::optional<uint32_t>& target) -> Status {
      if (o.size() < 3) return bad(at, "a decoration lacks its number");
      target = o[2];
      return Done{};
    };
    switch (o[1]) {
      case kSpecId:
        return number(d.spec_id);
      case kBinding:
        return number(d.binding);
      case kDescriptorSet:
        return number(d.set);
      case kArrayStride:
        return number(d.array_stride);
      case kBlock:
        d.block = true;
        break;
      case kBufferBlock:
        d.buffer_block = true;
        break;
      case kNonWritable:
        d.non_writable = true;
        break;
      case kNonReadable:
        d.non_readable = true;
        break;
      case kBuiltIn:
        d.workgroup_size |= o.size() > 2 && o[2] == kBuiltInWorkgroupSize;
        break;
      default:
        break;
    }
    return Done{};
  }

  Status decorate_member(size_t at, Operands o) {
    Member& member = members_[{o[0], o[1]}];
    if ((o[2] == kOffset || o[2] == kMatrixStride) && o.size() < 4) return bad(at, "a decoration lacks its number");
    if (o[2] == kOffset) member.offset = o[3];
    if (o[2] == kMatrixStride) member.matrix_stride = o[3];
    if (o[2] == kNonWritable) member.non_writable = true;
    if (o[2] == kNonReadable) member.non_readable = true;
    return Done{};
  }

  const Type* find(uint32_t id) const {
    const auto found = types_.find(id);
    return found == types_.end() ? nullptr : &found->second;
  }

  Status type(size_t at, uint32_t op, Operands o) {
    Type t;
    if (op == kOpTypeBool) t.size = t.alignment = 4;
    if (op == kOpTypeInt || op == kOpTypeFloat) {
      if (o[1] == 0 || o[1] > 64) return bad(at, "a number has an unknown width");
      t.size = t.alignment = (o[1] + 7) / 8;
    }
    if (op == kOpTypeVector || op == kOpTypeMatrix || op == kOpTypeArray || op == kOpTypeRuntimeArray) {
      const Type* element = find(o[1]);
      if (!element && op != kOpTypeRuntimeArray && op != kOpTypeArray)
        return bad(at, "a type is used before it is declared");
      const Type opaque;  // an image or a matrix of an extension: only in memory that has no size here
      if (!element) element = &opaque;
      t = Type{Type::vector, 0, element->alignment, o[1], 0, 0, 0, false, false};
      if (op == kOpTypeRuntimeArray) t.kind = Type::runtime_array;
      if (op == kOpTypeArray) LK_TRY(array(at, o, *element, t));
      if (op == kOpTypeVector || op == kOpTypeMatrix) {
        t.kind = op == kOpTypeVector ? Type::vector : Type::matrix;
        t.columns = o[2];
        t.size = saturating(element->size, o[2]);
      }
    }
    if (op == kOpTypeStruct) structure(o, t);
    if (op == kOpTypePointer) t = Type{Type::pointer, 8, 8, o[2], 0, o[1], 0, false, false};
    if (!types_.emplace(o[0], t).second) return bad(at, "an id is declared twice");
    return Done{};
  }

  Status array(size_t at, Operands o, const Type& element, Type& t) {
    const auto length = constants_.value(o[2]);
    if (!length) return bad(at, "the length of an array is not known");
    const auto decoration = decorations_.find(o[0]);
    uint64_t stride = (element.size + element.alignment - 1) / element.alignment * element.alignment;
    if (decoration != decorations_.end() && decoration->second.array_stride) stride = *decoration->second.array_stride;
    t.kind = Type::array;
    t.size = saturating(stride, *length);
    return Done{};
  }

  void structure(Operands o, Type& t) {
    t.kind = Type::structure;
    t.members = uint32_t(o.size() - 1);
    t.all_non_writable = t.all_non_readable = t.members > 0;
    uint64_t packed = 0;
    for (uint32_t i = 0; i < t.members; ++i) {
      const auto found = members_.find({o[0], i});
      const Type* member = find(o[i + 1]);
      const uint32_t alignment = member ? member->alignment : 1;
      uint64_t size = member ? member->size : 0;
      t.alignment = std::max(t.alignment, alignment);
      packed = (packed + alignment - 1) / alignment * alignment;
      uint64_t begin = packed;
      if (found != members_.end()) {
        if (found->second.offset) begin = *found->second.offset;
        if (found->second.matrix_stride && member) size = saturating(found->second.matrix_stride, member->columns);
      }
      t.all_non_writable &= found != members_.end() && found->second.non_writable;
      t.all_non_readable &= found != members_.end() && found->second.non_readable;
      packed = std::min(begin + size, kHuge);
      t.size = std::max(t.size, packed);
    }
  }

  Status constant(uint32_t id, uint64_t value) {
    constants_.set(id, value);
    return Done{};
  }

  Status specialised(uint32_t id, uint64_t value) {
    const auto found = decorations_.find(id);
    if (found == decorations_.end() || !found->second.spec_id) return constant(id, value);
    const uint32_t number = *found->second.spec_id;
    constants_.specialise(id, number, value);
    out_.constant_ids.push_back(number);
    return Done{};
  }

  Status variable(size_t at, Operands o) {
    const Type* pointer = find(o[0]);
    if (!pointer || pointer->kind != Type::pointer) return bad(at, "a variable's type is no pointer");
    const uint32_t storage_class = o[2];
    const Type* pointee = find(pointer->element);
    switch (storage_class) {
      case kWorkgroup:
        if (!pointee || pointee->size >= kHuge)
          return unsupported("[spirv] The size of the workgroup memory is not known.");
        shared_ = std::min((shared_ + pointee->alignment - 1) / pointee->alignment * pointee->alignment + pointee->size,
                           kHuge);
        return Done{};
      case kPushConstant:
        if (!pointee || pointee->kind != Type::structure) return bad(at, "the push constants are no block");
        if (pointee->size > 65536) return bad(at, "the push constants are larger than any device allows");
        out_.params_bytes = std::max(out_.params_bytes, uint32_t((pointee->size + 3) / 4 * 4));
        return Done{};
      case kUniformConstant:
        return unsupported("[spirv] The shader uses an image or a sampler.");
      case kUniform:
      case kStorageBuffer:
        return buffer(at, o[1], storage_class, pointer->element, pointee);
      default:
        return Done{};
    }
  }

  Status buffer(size_t at, uint32_t id, uint32_t storage_class, uint32_t block_id, const Type* block) {
    if (!block || block->kind != Type::structure)
      return unsupported("[spirv] A buffer is not one block (arrays of buffers are not bound).");
    const Decorations& own = decorations_[id];
    if (!own.binding) return bad(at, "a buffer has no binding");
    if (own.set.value_or(0) != 0) return unsupported("[spirv] A buffer is in a descriptor set other than 0.");
    if (*own.binding >= kMaxBindings)
      return unsupported(join("[spirv] Binding ", *own.binding, " is beyond ", kMaxBindings - 1, "."));
    KernelInterface::Binding binding;
    binding.number = *own.binding;
    binding.uniform = storage_class == kUniform && !decorations_[block_id].buffer_block;
    binding.writes = !binding.uniform && !own.non_writable && !block->all_non_writable;
    binding.reads = !own.non_readable && !block->all_non_readable;
    binding.name = names_[id].empty() ? names_[block_id] : names_[id];
    const auto [found, fresh] = bindings_.emplace(binding.number, binding);
    if (fresh) return Done{};
    KernelInterface::Binding& merged = found->second;  // the same memory under two types
    if (merged.uniform != binding.uniform) return bad(at, "a binding is a storage and a uniform buffer at once");
    merged.reads |= binding.reads;
    merged.writes |= binding.writes;
    return Done{};
  }

  // After the last word: the local size, and bindings without gaps.
  Status finish() {
    if (!has_entry_) return corrupt("[spirv] The module has no compute entry point.");
    std::optional<std::array<uint32_t, 3>> parts = local_size_ids_;
    for (const auto& [id, decorations] : decorations_)
      if (decorations.workgroup_size)
        if (const auto components = constants_.components(id); components.size() == 3)
          parts = std::array<uint32_t, 3>{components[0], components[1], components[2]};
    for (int i = 0; parts && i < 3; ++i) {
      const auto value = constants_.value((*parts)[i]);
      if (!value) return corrupt("[spirv] The workgroup size is not known.");
      out_.workgroup[i] = uint32_t(std::min<uint64_t>(*value, ~0u));
      const auto found = decorations_.find((*parts)[i]);
      if (found != decorations_.end() && found->second.spec_id) out_.workgroup_ids[i] = *found->second.spec_id;
    }
    uint32_t next = 0;
    for (const auto& [number, binding] : bindings_) {
      if (number != next++)
        return unsupported(
            join("[spirv] Binding ", next - 1, " is missing; bindings are counted from 0 without gaps."));
      out_.bindings.push_back(binding);
    }
    out_.shared_bytes = uint32_t(std::min<uint64_t>(shared_, ~0u));
    for (auto* list : {&out_.capabilities, &out_.constant_ids}) {
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    return Done{};
  }

  std::span<const uint32_t> words_;
  SpirvConstants constants_;
  KernelInterface out_;
  std::unordered_map<uint32_t, std::string> names_;
  std::unordered_map<uint32_t, Decorations> decorations_;
  std::map<std::pair<uint32_t, uint32_t>, Member> members_;  // (struct, index)
  std::unordered_map<uint32_t, Type> types_;
  std::map<uint32_t, KernelInterface::Binding> bindings_;
  std::optional<std::array<uint32_t, 3>> local_size_ids_;
  uint64_t shared_ = 0;
  bool has_entry_ = false;
};

}  // namespace

Result<KernelInterface> reflect(std::span<const uint32_t> spirv, std::span<const SpecialisationConstant> constants) {
  return Reflection(spirv, constants).run();
}

}  // namespace lorikeet
