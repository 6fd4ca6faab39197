#include "runtime/graph/graph.h"

#include <sstream>
#include <utility>

#include "runtime/base/text.h"

namespace lorikeet {

Tensor Graph::add(GraphTensor info) {
  info.tensor.id = int32_t(tensors_.size());
  tensors_.push_back(std::move(info));
  return tensors_.back().tensor;
}

Tensor Graph::input(std::string name, DType dtype, Shape shape) {
  return add({.tensor = {-1, dtype, shape}, .kind = TensorKind::input, .name = std::move(name)});
}

Tensor Graph::weight(std::string name, DType dtype, Shape shape, StorageRef storage) {
  return add({.tensor = {-1, dtype, shape},
              .kind = TensorKind::weight,
              .name = std::move(name),
              .storage = std::move(storage)});
}

Tensor Graph::state(std::string name, DType dtype, Shape shape) {
  GraphTensor info{.tensor = {-1, dtype, shape}, .kind = TensorKind::state, .name = name};
  info.storage = {std::move(name), 0, shape.rows()};
  return add(std::move(info));
}

Tensor Graph::add_result(DType dtype, Shape shape) { return add({.tensor = {-1, dtype, shape}}); }

Tensor Graph::add_weight_view(const Tensor& first, Shape shape) {
  GraphTensor view = info(first);
  view.tensor.shape = shape;
  return add(std::move(view));
}

void Graph::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

Tensors Graph::apply(const Op& op, Tensors inputs, Attributes attributes) {
  if (error_) return Tensors(8);
  auto shapes = op.shape(inputs, attributes);
  if (!shapes) {
    Error error = shapes.error();
    error.message = join("[", op.name, "] ", error.message);
    if (!label_.empty()) error.message += join(" (at ", label_, ")");
    fail(std::move(error));
    return Tensors(8);
  }
  Node node{&op, std::move(inputs), {}, std::move(attributes), label_, std::exchange(after_, -1)};
  for (const auto& [dtype, shape] : *shapes) node.outputs.push_back(add_result(dtype, shape));
  nodes_.push_back(node);
  return nodes_.back().outputs;
}

Tensor Graph::reshape(Tensor tensor, Shape shape) {
  if (error_) return {};
  if (!tensor || tensor.shape.elements() != shape.elements()) {
    fail(invalid(join("[reshape] ", tensor.shape.text(), " has ", tensor.shape.elements(), " elements, ", shape.text(),
                      " has ", shape.elements(), ".")));
    return {};
  }
  return add({.tensor = {-1, tensor.dtype, shape}, .alias_of = tensor.id});
}

Tensor Graph::rows(Tensor tensor, int64_t first, int64_t count) {
  if (error_) return {};
  if (!tensor || first < 0 || count < 1 || first + count > tensor.shape.rows()) {
    fail(invalid(join("[rows] ", first, " to ", first + count, " is not inside ", tensor.shape.text(), ".")));
    return {};
  }
  const int64_t offset = first * int64_t(row_bytes(tensor.dtype, uint64_t(tensor.shape.columns())));
  return add(
      {.tensor = {-1, tensor.dtype, {count, tensor.shape.columns()}}, .alias_of = tensor.id, .alias_offset = offset});
}

Tensor Graph::detach(Tensor tensor) {
  if (error_) return {};
  if (info(tensor).kind == TensorKind::weight)
    return tensor;  // constant already; its readers must see how it is packed
  return add({.tensor = {-1, tensor.dtype, tensor.shape}, .alias_of = tensor.id, .constant = true});
}

Tensor Graph::alias(Tensor base, const GraphTensor& like) {
  if (error_) return {};
  GraphTensor info = like;
  info.alias_of = base.id;
  info.kept = false;
  return add(std::move(info));
}

void Graph::keep(Tensor tensor, std::string name) {
  if (error_ || !tensor) return;
  tensors_[size_t(tensor.id)].kept = true;
  tensors_[size_t(tensor.id)].name = std::move(name);
}

void Graph::move_keep(Tensor from, Tensor to) {
  if (error_ || !from || !to || !tensors_[size_t(from.id)].kept) return;
  keep(to, std::exchange(tensors_[size_t(from.id)].name, {}));
  tensors_[size_t(from.id)].kept = false;
}

Tensor Graph::find(std::string_view name) const {
  for (const GraphTensor& info : tensors_)
    if (info.name == name) return info.tensor;
  return {};
}

std::string Graph::print() const {
  std::ostringstream out;
  const auto list = [&](const Tensors& tensors) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      out << (i ? ", " : "");
      if (!tensors[i]) {
        out << "-";
        continue;
      }
      const GraphTensor& info = tensors_[size_t(tensors[i].id)];
      out << (info.name.empty() ? join("%", tensors[i].id) : info.name) << " " << name(info.tensor.dtype)
          << info.tensor.shape.text();
    }
  };
  for (const Node& node : nodes_) {
    list(node.outputs);
    out << " = " << node.op->name << "(";
    list(node.inputs);
    out << ") " << node.attributes.text() << (node.label.empty() ? "" : "  # " + node.label) << "\n";
  }
  return out.str();
}

}  // namespace lorikeet
