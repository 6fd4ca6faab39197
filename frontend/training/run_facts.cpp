#include "frontend/training/run_facts.h"

#include <filesystem>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// FNV-1a over all tokens and labels: other data is noticed, not kept out.
uint64_t fingerprint(const Dataset& dataset) {
  uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&](uint64_t value) { hash = (hash ^ value) * 0x100000001b3u; };
  for (size_t i = 0; i < dataset.size(); ++i) {
    add(dataset[i].tokens.size());
    for (const int32_t token : dataset[i].tokens) add(uint32_t(token));
    for (const int32_t label : dataset[i].labels) add(uint32_t(label));
    for (const char c : std::filesystem::path(dataset[i].picture).filename().string()) add(uint8_t(c));
  }
  return hash;
}

const char* name(Schedule::Shape shape) {
  return shape == Schedule::Shape::constant ? "constant" : shape == Schedule::Shape::linear ? "linear" : "cosine";
}

}  // namespace

Json run_facts(const RunOptions& options, const Dataset& dataset, const std::string& device) {
  AdapterConfig adapter = options.adapter;
  adapter.base_model.clear();  // the same model may lie elsewhere
  adapter.base_sha256.clear();
  std::string trained = adapter.text();
  if (!options.weights.empty()) trained = "weights";
  for (const std::string& pattern : options.weights) trained += join("\n", pattern);
  const BatchOptions& batches = options.batches;
  return {{"adapter", trained},
          {"base model", options.adapter.base_model},
          {"base hash", options.adapter.base_sha256},
          {"view of routers", options.routers ? name(options.routers->view) : ""},
          {"distillation", options.distil},
          {"experts left out", options.bypass_experts},
          {"device", device},
          {"data", fingerprint(dataset)},
          {"examples", dataset.size()},
          {"optimiser", options.optimiser.decoupled ? "adamw" : "adam"},
          {"beta1", options.optimiser.beta1},
          {"beta2", options.optimiser.beta2},
          {"eps", options.optimiser.eps},
          {"weight decay", options.optimiser.decay},
          {"clip", options.optimiser.clip},
          {"schedule", name(options.schedule.shape)},
          {"learning rate", options.schedule.rate},
          {"lowest rate", options.schedule.floor},
          {"warmup", options.schedule.warmup},
          {"steps", options.schedule.steps},
          {"packed", batches.layout == BatchLayout::packed},
          {"batch", batches.examples},
          {"rows of a packed batch", batches.rows},
          {"multiple of rows", batches.multiple},
          {"shuffle", batches.shuffle},
          {"accumulate", options.accumulate},
          {"seed", options.seed},
          {"counted padding", options.count_padding},
          {"fused ops", options.fuse}};
}

Result<std::vector<std::string>> compare_run_facts(const Json& saved, const Json& present) {
  std::vector<std::string> changes;
  for (const auto& [key, value] : present.items()) {
    const auto before = saved.find(key);
    if (before == saved.end() || *before == value) continue;
    if (key == "adapter")
      return invalid(
          "[resume] the run was begun with another adapter or other weights; give the method and the options of what "
          "it was begun with.");
    const auto shown = [](const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); };
    changes.push_back(key == "data" ? std::string("The data are others than those the run was begun with.")
                                    : join("The run was begun with ", key, " ", shown(*before), " and goes on with ",
                                           shown(value), "."));
  }
  return changes;
}

}  // namespace lorikeet
