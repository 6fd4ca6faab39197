// The contract of an op: what comes out, how a device can do it. An Op is a table of functions, reached only through
// its front function in runtime/ops/ops.h.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/device_profile.h"
#include "runtime/base/result.h"
#include "runtime/graph/tensor.h"

namespace lorikeet {

class Graph;
struct Op;

// Small named numbers of a node. Looked up when a graph is built or lowered, never while it runs.
class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<std::string_view, std::variant<int64_t, double>>> items) {
    for (const auto& [key, value] : items) set(key, value);
  }
  void set(std::string_view key, std::variant<int64_t, double> value);
  int64_t integer(std::string_view key, int64_t otherwise = 0) const;
  double number(std::string_view key, double otherwise = 0) const;
  std::string text() const;  // "heads=9 eps=1e-05"

 private:
  std::vector<std::pair<std::string, std::variant<int64_t, double>>> items_;
};

struct Node {
  const Op* op = nullptr;
  Tensors inputs;  // absent optional inputs have id -1
  Tensors outputs;
  Attributes attributes;
  std::string label;   // "blk.3.attn_q": where in the model; shown in plans and profiles
  int32_t after = -1;  // tensor: the node waits until it is made, though it does not read it; see Graph::after
};

using Inputs = std::span<const Tensor>;
using Shapes = std::vector<std::pair<DType, Shape>>;

// What a dispatch binds: a tensor or a scratch region of its choice.
struct Operand {
  enum class Kind { tensor, scratch, form } kind = Kind::tensor;
  int32_t index = -1;   // tensor id, scratch number or form number of the choice
  uint64_t offset = 0;  // bytes into it; a multiple of the storage alignment
  uint64_t size = 0;    // bytes; 0 = to the end
  int32_t page = 0;     // of a paged weight

  static Operand of(const Tensor& tensor) { return {Kind::tensor, tensor.id, 0, 0, 0}; }
  static Operand of_page(const Tensor& tensor, int32_t page) { return {Kind::tensor, tensor.id, 0, 0, page}; }
  static Operand of_scratch(int32_t number) { return {Kind::scratch, number, 0, 0, 0}; }
  static Operand of_form(int32_t number) { return {Kind::form, number, 0, 0, 0}; }
};

struct Grid {
  uint32_t x = 1, y = 1, z = 1;  // workgroups
};

// One kernel launch. Access (read, write) is not said here: it is reflected from the SPIR-V.
struct Dispatch {
  std::string kernel;                                    // "rms_norm", "matmul/q4_1"
  std::vector<std::pair<uint32_t, uint32_t>> constants;  // specialisation: id, bits
  uint32_t subgroup_size = 0;                            // that the kernel must have; 0 = any
  std::vector<Operand> operands;                         // one a binding
  std::vector<std::byte> params;
  Grid groups;
  bool indirect = false;  // the grid is read on the device from `arguments`
  Operand arguments;
  double flops = 0;    // for reports; 0 where it does not matter
  uint64_t bytes = 0;  // read and written at least once, for reports; 0 = the sum of the operands
};

// A form of an input that several consumers share: int8 blocks for integer dot, f16 copies, block sums.
struct Form {
  std::string name;  // "q8_blocks": with the input's id, the identity
  Tensor input;
  uint64_t bytes = 0;
  Dispatch make;  // its operands name the input, and the form by of_form(its number in the choice)
};

// One complete way to do a node on this device.
struct Choice {
  std::string name;               // "lane_tile_4x8"
  std::vector<uint64_t> scratch;  // bytes of each scratch region
  std::vector<Form> forms;
  std::vector<Dispatch> dispatches;
  // False where the order of additions differs from the reference choice, so that another row class may round
  // differently; such choices are not taken by a `reproducible` plan.
  bool pinned_order = true;
  double tolerance = 1e-7;  // normalised mean squared error against the reference that doctor and tests accept
};

// In order of preference by heuristics; the last one is the reference, runs on every device and is never absent.
using Choices = std::vector<Choice>;

// What the gradient rule of an op gets (see runtime/graph/gradient.h).
struct Backward {
  Graph& graph;              // nodes are appended to it
  const Node& node;          // of the forward pass
  Tensors gradients;         // of the outputs; empty where none arrives
  std::vector<bool> wanted;  // by input: whether anybody asks for its gradient
};

struct Op {
  std::string_view name;
  Result<Shapes> (*shape)(Inputs, const Attributes&);
  void (*lower)(const Graph&, const Node&, const DeviceProfile&, Choices&);
  // Appends the nodes that compute the gradients of the inputs and returns them by input; what is not wanted may be
  // empty. Null: the op cannot be differentiated.
  Tensors (*backward)(const Backward&) = nullptr;
  bool saved = false;  // small results that a backward pass with recomputation keeps: who was routed where
};

template <class Params>
std::vector<std::byte> params_bytes(const Params& params) {
  static_assert(sizeof(Params) % 4 == 0 && sizeof(Params) <= 128 && std::is_trivially_copyable_v<Params>);
  std::vector<std::byte> bytes(sizeof(Params));
  std::memcpy(bytes.data(), &params, sizeof(Params));
  return bytes;
}

inline uint32_t groups_for(int64_t work, int64_t per_group) { return uint32_t((work + per_group - 1) / per_group); }

}  // namespace lorikeet
