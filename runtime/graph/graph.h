// Graph: the ordered list of ops that computes some tensors from others. Plain data, printable, no Vulkan.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/graph/op.h"
#include "runtime/graph/tensor.h"

namespace lorikeet {

class Graph {
 public:
  Tensor input(std::string name, DType dtype, Shape shape);
  // Matrices are packed (runtime/graph/packing.h) and read by products; vectors are plain f32.
  Tensor weight(std::string name, DType dtype, Shape shape, StorageRef storage);
  Tensor state(std::string name, DType dtype, Shape shape);

  // Appends one op and returns its outputs. After a first error every op returns empty tensors and adds nothing.
  Tensors apply(const Op& op, Tensors inputs, Attributes attributes = {});
  // Aliases: the same memory under another shape, or some rows of it. No dispatch.
  Tensor reshape(Tensor tensor, Shape shape);
  Tensor rows(Tensor tensor, int64_t first, int64_t count);
  Tensor detach(Tensor tensor);  // no gradient goes through it

  // An alias of another base, as `like` is of its own.
  Tensor alias(Tensor base, const GraphTensor& like);
  // Marks what is kept for a backward pass that computes again what lies between two marks.
  void checkpoint(Tensor tensor) { checkpoints_.push_back(tensor.id); }
  const std::vector<int32_t>& checkpoints() const { return checkpoints_; }

  void keep(Tensor tensor, std::string name);  // the result is read after the run
  void move_keep(Tensor from, Tensor to);      // for fuse: `to` stands for `from`, which may have been kept
  // The next op waits until the tensor is made, so that memory of what came before is free again.
  void after(Tensor tensor) { after_ = tensor.id; }
  void label(std::string text) { label_ = std::move(text); }  // of the ops that follow

  const std::optional<Error>& error() const { return error_; }
  void fail(Error error);  // keeps the first
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<GraphTensor>& tensors() const { return tensors_; }
  const GraphTensor& info(const Tensor& tensor) const { return tensors_[size_t(tensor.id)]; }
  Tensor find(std::string_view name) const;                                   // empty if there is none
  void replace_nodes(std::vector<Node> nodes) { nodes_ = std::move(nodes); }  // for fuse
  Tensor add_result(DType dtype, Shape shape);                                // for fuse
  Tensor add_weight_view(const Tensor& first, Shape shape);                   // for fuse: a longer view of its storage

  std::string print() const;  // one line an op

 private:
  Tensor add(GraphTensor info);
  std::vector<Node> nodes_;
  std::vector<GraphTensor> tensors_;
  std::optional<Error> error_;
  std::string label_;
  int32_t after_ = -1;
  std::vector<int32_t> checkpoints_;
};

}  // namespace lorikeet
