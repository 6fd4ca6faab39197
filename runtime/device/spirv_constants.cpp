#include "runtime/device/spirv_constants.h"

namespace lorikeet {
namespace {

// Opcodes of OpSpecConstantOp that sizes are computed with, on 32 bits. SPIR-V specification, OpSpecConstantOp.
std::optional<uint64_t> evaluate(uint32_t opcode, uint32_t a, uint32_t b) {
  const int32_t signed_a = int32_t(a), signed_b = int32_t(b);
  const bool divides = b != 0 && !(a == 0x80000000u && b == ~0u);
  switch (opcode) {
    case 113:
    case 114:
    case 124:
      return a;  // UConvert, SConvert, Bitcast
    case 126:
      return uint32_t(0) - a;  // SNegate
    case 128:
      return uint32_t(a + b);
    case 130:
      return uint32_t(a - b);
    case 132:
      return uint32_t(a * b);
    case 134:
      return b ? std::optional<uint64_t>(a / b) : std::nullopt;
    case 135:
      return divides ? std::optional<uint64_t>(uint32_t(signed_a / signed_b)) : std::nullopt;
    case 137:
      return b ? std::optional<uint64_t>(a % b) : std::nullopt;
    case 138:
      return divides ? std::optional<uint64_t>(uint32_t(signed_a % signed_b)) : std::nullopt;
    case 164:
    case 170:
      return uint64_t(a == b);  // LogicalEqual, IEqual
    case 165:
    case 171:
      return uint64_t(a != b);
    case 166:
      return uint64_t(a || b);
    case 167:
      return uint64_t(a && b);
    case 168:
      return uint64_t(!a);
    case 172:
      return uint64_t(a > b);
    case 173:
      return uint64_t(signed_a > signed_b);
    case 174:
      return uint64_t(a >= b);
    case 175:
      return uint64_t(signed_a >= signed_b);
    case 176:
      return uint64_t(a < b);
    case 177:
      return uint64_t(signed_a < signed_b);
    case 178:
      return uint64_t(a <= b);
    case 179:
      return uint64_t(signed_a <= signed_b);
    case 194:
      return b < 32 ? std::optional<uint64_t>(a >> b) : std::nullopt;
    case 195:
      return b < 32 ? std::optional<uint64_t>(uint32_t(signed_a >> b)) : std::nullopt;
    case 196:
      return b < 32 ? std::optional<uint64_t>(uint32_t(a << b)) : std::nullopt;
    case 197:
      return uint64_t(a | b);
    case 198:
      return uint64_t(a ^ b);
    case 199:
      return uint64_t(a & b);
    case 200:
      return uint64_t(~a);
    default:
      return std::nullopt;
  }
}

}  // namespace

void SpirvConstants::specialise(uint32_t id, uint32_t spec_id, uint64_t otherwise) {
  values_[id] = otherwise;
  for (const SpecialisationConstant& constant : given_)
    if (constant.id == spec_id) values_[id] = constant.value;
}

void SpirvConstants::operation(uint32_t id, uint32_t opcode, std::span<const uint32_t> operands) {
  constexpr uint32_t kCompositeExtract = 81, kSelect = 169;
  if (opcode == kCompositeExtract && operands.size() == 2) {
    const auto parts = components(operands[0]);
    if (operands[1] >= parts.size()) return;
    if (const auto part = value(parts[operands[1]])) values_[id] = *part;
    return;
  }
  if (operands.empty()) return;
  const auto a = value(operands[0]);
  if (opcode == kSelect && operands.size() == 3) {
    const auto chosen = a ? value(operands[*a ? 1 : 2]) : std::nullopt;
    if (chosen) values_[id] = *chosen;
    return;
  }
  const auto b = operands.size() > 1 ? value(operands[1]) : std::optional<uint64_t>(0);
  if (!a || !b) return;
  if (const auto result = evaluate(opcode, uint32_t(*a), uint32_t(*b))) values_[id] = *result;
}

std::optional<uint64_t> SpirvConstants::value(uint32_t id) const {
  const auto found = values_.find(id);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::span<const uint32_t> SpirvConstants::components(uint32_t id) const {
  const auto found = composites_.find(id);
  if (found == composites_.end()) return {};
  return found->second;
}

}  // namespace lorikeet
