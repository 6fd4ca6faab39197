#include "frontend/weights.h"

#include <algorithm>
#include <set>

#include "frontend/families/resolve.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"

namespace lorikeet {
namespace {

using Role = WeightRole;

// Roles that share a storage where their types agree, in this order.
const std::vector<std::vector<Role>> kBundles = {
    {Role::q, Role::k, Role::v}, {Role::q_bias, Role::k_bias, Role::v_bias}, {Role::gate, Role::up}};

// The storage of the experts of a layer; of the model's only ones with roles that have no layer.
std::string stack_name(Role gate, uint32_t layer, bool down) {
  const std::string prefix = is_layer_weight(gate) ? join("blk.", layer, ".") : std::string("mm.");
  return join(prefix, down ? "ffn_down_exps.weight" : "ffn_gate_up_exps.weight");
}

bool is_down(Role role) { return role == Role::expert_down || role == Role::slice_down; }
bool is_up(Role role) { return role == Role::expert_up || role == Role::slice_up; }

std::string bundle_name(Role first, uint32_t layer) {
  const char* part = first == Role::q        ? "attn_qkv.weight"
                     : first == Role::q_bias ? "attn_qkv.bias"
                                             : "ffn_gate_up.weight";
  return join("blk.", layer, ".", part);
}

DType device_type(const TensorInfo& tensor, bool matrix) {
  if (!matrix) return DType::f32;
  return unit_layout(tensor.type).columns ? tensor.type : DType::f16;
}

WeightStorage storage_of(std::string name, DType type, int64_t rows, int64_t columns) {
  const uint64_t bytes = columns ? packed_bytes(type, rows, columns) : row_bytes(type, uint64_t(rows));
  return {std::move(name), type, rows, columns, bytes};
}

// Matrices have their first axis as rows; the positions of the tower are one long vector.
Shape shape_of(const DecoderConfig& config, Role role) {
  const std::vector<uint64_t> shape = expected_shape(config, role);
  int64_t elements = 1;
  for (uint64_t axis : shape) elements *= int64_t(axis);
  if (shape.size() == 1 || role == Role::tower_position) return {elements};
  return {int64_t(shape[0]), elements / int64_t(shape[0])};
}

}  // namespace

Result<WeightTable> WeightTable::build(const Checkpoint& checkpoint, const DecoderConfig& config) {
  WeightTable table;
  for (const WeightName& name : config.family->weights) {
    if (!has_role(config, name.role)) continue;
    const uint32_t count = experts(config, name.role);
    for (uint32_t i = 0; i < repeats(config, name.role) * count; ++i) {
      const uint32_t layer = i / count, expert = i % count;
      LK_ASSIGN(const WeightRef found, resolve(checkpoint, config, layer, name.role, expert));
      const bool tied = name.role == Role::output && config.tied_embeddings;
      if (tied) continue;
      Weight weight{name.role, layer, expert, found.tensor};
      weight.type = device_type(*found.tensor, shape_of(config, name.role).rank() > 1);
      weight.source_row = int64_t(found.first_row);
      weight.interleaved_head_rows = found.permuted_head_dim;
      table.add(config, std::move(weight));
    }
  }
  table.place(config);
  return table;
}

WeightTable WeightTable::planned(const DecoderConfig& config, DType matrices) {
  WeightTable table;
  for (const WeightName& name : config.family->weights) {
    if (!has_role(config, name.role) || (name.role == Role::output && config.tied_embeddings)) continue;
    const Shape shape = shape_of(config, name.role);
    const bool whole = shape.columns() % int64_t(layout(matrices).block) == 0;
    const uint32_t count = experts(config, name.role);
    for (uint32_t i = 0; i < repeats(config, name.role) * count; ++i) {
      Weight weight{name.role, i / count, i % count, nullptr};
      weight.type = shape.rank() == 1 ? DType::f32 : whole ? matrices : DType::f16;
      table.add(config, std::move(weight));
    }
  }
  table.place(config);
  return table;
}

void WeightTable::add(const DecoderConfig& config, Weight weight) {
  weight.name = weight_name(*config.family, weight.role, weight.layer, Naming::gguf);
  if (is_expert_weight(weight.role)) weight.name += join(" #", weight.expert);
  weight.shape = shape_of(config, weight.role);
  weights_.push_back(std::move(weight));
}

// Puts every weight into a storage, those that may become one product beside each other.
void WeightTable::place(const DecoderConfig& config) {
  std::stable_sort(weights_.begin(), weights_.end(),
                   [](const Weight& a, const Weight& b) { return a.layer < b.layer; });

  const auto find = [&](Role role, uint32_t layer) {
    return std::find_if(weights_.begin(), weights_.end(),
                        [&](const Weight& w) { return w.role == role && w.layer == layer; });
  };
  place_experts(config);
  std::set<const Weight*> placed;
  for (Weight& weight : weights_) {
    if (placed.contains(&weight) || is_expert_weight(weight.role)) continue;
    std::vector<Weight*> members{&weight};
    for (const auto& bundle : kBundles) {
      if (bundle.front() != weight.role) continue;
      for (size_t i = 1; i < bundle.size(); ++i)
        if (const auto other = find(bundle[i], weight.layer); other != weights_.end() && other->type == weight.type)
          members.push_back(&*other);
      if (members.size() != bundle.size()) members.resize(1);
    }
    const bool matrix = weight.shape.rank() > 1;
    const std::string name = members.size() > 1 ? bundle_name(weight.role, weight.layer) : weight.name;
    int64_t rows = 0;
    for (Weight* member : members) {
      member->place = {name, rows, 0};
      rows += matrix ? padded_rows(member->shape.rows()) : member->shape.elements();
      placed.insert(member);
    }
    for (Weight* member : members) member->place.rows = rows;
    storages_.push_back(storage_of(name, weight.type, rows, matrix ? weight.shape.columns() : 0));
  }
  frequencies_ = int64_t(config.rope.inverse_frequencies.size());
  storages_.push_back(storage_of(std::string(kRopeFrequencies), DType::f32, frequencies_, 0));
}

// A stack for the gates and ups of each layer's experts, and one for their downs.
void WeightTable::place_experts(const DecoderConfig& config) {
  for (const Role gate : {Role::slice_gate, Role::expert_gate}) {
    if (!has_role(config, gate)) continue;
    for (uint32_t layer = 0; layer < repeats(config, gate); ++layer) {
      for (const bool down : {false, true}) {
        std::vector<Weight*> members;
        for (Weight& weight : weights_)
          if (is_expert_weight(weight.role) && weight.layer == layer && is_down(weight.role) == down &&
              is_layer_weight(weight.role) == is_layer_weight(gate))
            members.push_back(&weight);
        place_stack(members, stack_name(gate, layer, down));
      }
    }
  }
}

// Expert after expert: gate rows, then up rows, or down rows, each padded to groups. A stack has one type: f16 where
// the files mix them.
void WeightTable::place_stack(const std::vector<Weight*>& members, const std::string& name) {
  std::set<DType> types;
  uint32_t experts = 0;
  for (const Weight* weight : members) {
    types.insert(weight->type);
    experts = std::max(experts, weight->expert + 1);
  }
  const int64_t part = padded_rows(members.front()->shape.rows());
  const int64_t block = part * int64_t(members.size()) / experts;
  WeightStorage storage = storage_of(name, types.size() == 1 ? *types.begin() : DType::f16, block * experts,
                                     members.front()->shape.columns());
  storage.block_rows = block;
  for (Weight* weight : members) {
    weight->type = storage.type;
    weight->place = {name, weight->expert * block + (is_up(weight->role) ? part : 0), storage.rows, block};
  }
  storages_.push_back(std::move(storage));
}

Tensor WeightTable::gate_up_stack(Graph& graph, WeightRole gate, uint32_t layer) const {
  return stack(graph, stack_name(gate, layer, false));
}

Tensor WeightTable::down_stack(Graph& graph, WeightRole gate, uint32_t layer) const {
  return stack(graph, stack_name(gate, layer, true));
}

Tensor WeightTable::stack(Graph& graph, std::string_view name) const {
  for (const WeightStorage& storage : storages_)
    if (storage.name == name)
      return graph.weight(storage.name, storage.type, {storage.rows, storage.columns},
                          {storage.name, 0, storage.rows, storage.block_rows});
  return {};
}

uint64_t WeightTable::bytes() const {
  uint64_t total = 0;
  for (const WeightStorage& storage : storages_) total += storage.bytes;
  return total;
}

Tensor WeightTable::tensor(Graph& graph, WeightRole role, uint32_t layer) const {
  for (const Weight& weight : weights_) {
    if (weight.role != role || weight.layer != layer) continue;
    if (const Tensor known = graph.find(weight.name)) return known;
    return graph.weight(weight.name, weight.type, weight.shape, weight.place);
  }
  return {};
}

Tensor WeightTable::rope_frequencies(Graph& graph) const {
  const std::string name(kRopeFrequencies);
  return graph.weight(name, DType::f32, {frequencies_}, {name, 0, frequencies_});
}

std::string WeightTable::converted_types() const {
  std::set<std::string> types;
  for (const Weight& weight : weights_)
    if (weight.shape.rank() > 1 && weight.source->type != weight.type)
      types.insert(std::string(name(weight.source->type)));
  std::string text;
  for (const std::string& type : types) text += (text.empty() ? "" : ", ") + type;
  return text;
}

}  // namespace lorikeet
