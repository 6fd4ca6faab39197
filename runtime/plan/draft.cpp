#include "runtime/plan/draft.h"

#include <algorithm>
#include <map>

#include "runtime/base/text.h"
#include "runtime/graph/lifetime.h"
#include "runtime/graph/packing.h"

namespace lorikeet {
namespace {

// Lowers one graph. Holds the tables that grow while nodes are visited.
class Lowering {
 public:
  Lowering(const Graph& graph, const DraftRequest& request) : graph_(graph), request_(request) {
    draft_.resource_of_tensor.assign(graph.tensors().size(), -1);
    maker_.assign(graph.tensors().size(), -1);
  }

  Result<Draft> run() {
    for (size_t i = 0; i < graph_.nodes().size(); ++i) LK_TRY(lower(int32_t(i)));
    draft_.levels = assign_levels(draft_.dispatches, draft_.resources.size());
    place_scratch();
    return std::move(draft_);
  }

 private:
  Status lower(int32_t number) {
    const Node& node = graph_.nodes()[size_t(number)];
    after_ = node.after >= 0 ? maker_[size_t(node.after)] : -1;
    for (const Tensor& output : node.outputs) maker_[size_t(output.id)] = number;
    Choices choices;
    node.op->lower(graph_, node, *request_.profile, choices);
    if (choices.empty())
      return unsupported(
          join("[", node.op->name, "] cannot be done on this device for ", ChoiceTable::key(graph_, node), "."));
    LK_ASSIGN(const size_t taken, take(node, choices));
    Choice& choice = choices[taken];
    // What a first dispatch of several could make before the node's inputs are there would only take up memory.
    if (node.after < 0 && choice.dispatches.size() > 1)
      for (const Tensor& input : node.inputs)
        if (input) after_ = std::max(after_, maker_[size_t(base(input.id))]);
    draft_.tolerance = std::max(draft_.tolerance, choice.tolerance);

    std::vector<int32_t> scratch;
    for (uint64_t bytes : choice.scratch) scratch.push_back(add_scratch(bytes));
    std::vector<int32_t> forms;
    for (Form& form : choice.forms) {
      const std::pair<int32_t, std::string> identity{base(form.input.id), form.name};
      auto found = forms_.find(identity);
      const bool fresh = found == forms_.end();
      if (fresh) found = forms_.emplace(identity, add_scratch(form.bytes)).first;
      forms.push_back(found->second);
      if (fresh) LK_TRY(add(form.make, -1, form.name, scratch, forms));
    }
    for (Dispatch& dispatch : choice.dispatches) LK_TRY(add(dispatch, number, choice.name, scratch, forms));
    // A form of a tensor that is written from now on is out of date.
    for (const Tensor& output : node.outputs)
      std::erase_if(forms_, [&](const auto& item) { return item.first.first == base(output.id); });
    return Done{};
  }

  Result<size_t> take(const Node& node, const Choices& choices) const {
    for (size_t i = 0; i < choices.size(); ++i)
      if (!request_.forced_choice.empty() && choices[i].name == request_.forced_choice) return i;
    static const ChoiceTable kEmpty;
    return (request_.table ? *request_.table : kEmpty).pick(graph_, node, choices, request_.reproducible);
  }

  Status add(Dispatch& dispatch, int32_t node, const std::string& choice, const std::vector<int32_t>& scratch,
             const std::vector<int32_t>& forms) {
    LK_ASSIGN(const KernelInterface* interface, request_.kernels->interface(dispatch.kernel));
    if (interface->bindings.size() != dispatch.operands.size())
      return Error{ErrorCode::internal,
                   join("[", dispatch.kernel, "] has ", interface->bindings.size(), " bindings, the choice \"", choice,
                        "\" gives ", dispatch.operands.size(), "."),
                   {}};
    if (interface->params_bytes != dispatch.params.size())
      return Error{ErrorCode::internal,
                   join("[", dispatch.kernel, "] takes ", interface->params_bytes, " bytes of params, the choice \"",
                        choice, "\" gives ", dispatch.params.size(), "."),
                   {}};
    PlannedDispatch planned{.dispatch = std::move(dispatch), .node = node, .choice = choice, .after = after_};
    for (size_t i = 0; i < planned.dispatch.operands.size(); ++i) {
      Access access = locate(planned.dispatch.operands[i], scratch, forms);
      access.reads = interface->bindings[i].reads;
      access.writes = interface->bindings[i].writes;
      planned.accesses.push_back(access);
    }
    if (planned.dispatch.indirect) {
      Access access = locate(planned.dispatch.arguments, scratch, forms);
      access.reads = true;
      planned.accesses.push_back(access);
    }
    draft_.dispatches.push_back(std::move(planned));
    return Done{};
  }

  int32_t base(int32_t tensor) const {
    while (graph_.tensors()[size_t(tensor)].alias_of >= 0) tensor = graph_.tensors()[size_t(tensor)].alias_of;
    return tensor;
  }

  Access locate(const Operand& operand, const std::vector<int32_t>& scratch, const std::vector<int32_t>& forms) {
    Access access;
    access.offset = operand.offset;
    uint64_t bytes = 0;
    if (operand.kind == Operand::Kind::tensor) {
      int32_t tensor = operand.index;
      bytes = tensor_bytes(tensor);
      while (graph_.tensors()[size_t(tensor)].alias_of >= 0) {
        access.offset += uint64_t(graph_.tensors()[size_t(tensor)].alias_offset);
        tensor = graph_.tensors()[size_t(tensor)].alias_of;
      }
      access.resource = resource_of(tensor) + operand.page;
      if (graph_.tensors()[size_t(tensor)].kind == TensorKind::weight)
        bytes = draft_.resources[size_t(access.resource)].bytes;
    } else {
      access.resource = (operand.kind == Operand::Kind::scratch ? scratch : forms)[size_t(operand.index)];
      bytes = draft_.resources[size_t(access.resource)].bytes;
    }
    access.size = operand.size ? operand.size : bytes - operand.offset;
    return access;
  }

  uint64_t tensor_bytes(int32_t tensor) const {
    const Tensor& t = graph_.tensors()[size_t(tensor)].tensor;
    return row_bytes(t.dtype, uint64_t(t.shape.elements()));
  }

  int32_t resource_of(int32_t tensor) {
    int32_t& known = draft_.resource_of_tensor[size_t(tensor)];
    if (known >= 0) return known;
    known = int32_t(draft_.resources.size());
    const GraphTensor& info = graph_.tensors()[size_t(tensor)];
    Resource resource{.tensor = tensor, .scratch = info.kind == TensorKind::result};
    const bool matrix = info.kind == TensorKind::weight && info.tensor.shape.rank() > 1;
    if (matrix) {  // the whole storage, page by page: kernels take row offsets
      const Pages split = pages(info.tensor.dtype, info.storage.rows, info.tensor.shape.columns(), *request_.profile,
                                info.storage.block_rows);
      const uint64_t group = group_bytes(info.tensor.dtype, info.tensor.shape.columns());
      for (int64_t page = 0; page < split.count(); ++page) {
        resource.page = int32_t(page);
        resource.bytes = group * uint64_t(std::min(split.groups_per_page, split.groups - page * split.groups_per_page));
        draft_.resources.push_back(resource);
      }
    } else {
      resource.bytes = info.kind == TensorKind::weight ? row_bytes(info.tensor.dtype, uint64_t(info.storage.rows))
                                                       : tensor_bytes(tensor);
      draft_.resources.push_back(resource);
    }
    return known;
  }

  int32_t add_scratch(uint64_t bytes) {
    draft_.resources.push_back({.scratch = true, .bytes = bytes});
    return int32_t(draft_.resources.size()) - 1;
  }

  void place_scratch() {
    for (const PlannedDispatch& item : draft_.dispatches) {
      for (const Access& access : item.accesses) {
        Resource& resource = draft_.resources[size_t(access.resource)];
        resource.first_level = resource.first_level < 0 ? item.level : std::min(resource.first_level, item.level);
        resource.last_level = std::max(resource.last_level, item.level);
      }
    }
    std::vector<Lifetime> lifetimes;
    std::vector<size_t> owners;
    for (size_t i = 0; i < draft_.resources.size(); ++i) {
      const Resource& resource = draft_.resources[i];
      if (!resource.scratch || resource.first_level < 0) continue;
      lifetimes.push_back({resource.bytes, resource.first_level, kept(resource) ? draft_.levels : resource.last_level});
      owners.push_back(i);
    }
    const Placement placement = place(lifetimes, request_.profile->storage_alignment);
    for (size_t i = 0; i < owners.size(); ++i) draft_.resources[owners[i]].offset = placement.offsets[i];
    draft_.scratch_bytes = placement.bytes;
  }

  // Kept, or an alias of it is.
  bool kept(const Resource& resource) const {
    if (resource.tensor < 0) return false;
    for (const GraphTensor& info : graph_.tensors())
      if (info.kept && base(info.tensor.id) == resource.tensor) return true;
    return false;
  }

  const Graph& graph_;
  const DraftRequest& request_;
  Draft draft_;
  std::vector<int32_t> maker_;                                // by tensor: its node; -1
  int32_t after_ = -1;                                        // node that the present one waits for
  std::map<std::pair<int32_t, std::string>, int32_t> forms_;  // (tensor, form) -> resource
};

}  // namespace

Result<Draft> draft(const Graph& graph, const DraftRequest& request) {
  if (graph.error()) return *graph.error();
  return Lowering(graph, request).run();
}

}  // namespace lorikeet
