// A LoRA merged into the weights answers as the LoRA on the base does.
#include <cmath>

#include "frontend/adapters/adapter_initialisation.h"
#include "frontend/convert.h"
#include "frontend/session.h"
#include "frontend/training/run_options.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/recorded.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

constexpr double kScale = 0.5;

Adapter adapter_for(const Model& model, AdapterKind kind) {
  Adapter adapter;
  adapter.config = published_adapter(kind);
  adapter.config.lora.r = 4;
  adapter.config.lora.alpha = 8;
  adapter.tensors = need(initial_adapter_tensors(adapter.config, adapter_base(model.config()), 1));
  for (AdapterLinear& linear : adapter.tensors.linears)
    for (size_t i = 0; i < linear.b.size(); ++i) linear.b[i] = 0.03f * float(int(i * 7 % 13) - 6);
  return adapter;
}

std::vector<float> log_probs(Model& model, const Adapter* adapter) {
  SessionOptions options;
  if (adapter) options.adapters = {{adapter, kScale}};
  Session session = need(Session::create(model, options));
  const uint32_t use[] = {0};
  if (adapter) need(session.set_adapters(0, use));
  const std::vector<int32_t> tokens = {10, 20, 31, 22, 40, 41, 9};
  return need(session.log_probs(0, tokens));
}

bool says(const ConvertReport& report, const std::string& part) {
  for (const std::string& notice : report.notices)
    if (notice.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("a merged LoRA gives the logits of the LoRA on its base", "[model][finetuning][merge]") {
  if (!test_device()) LK_SKIP(no_device, "merging");
  const TemporaryFolder folder;
  const auto path = write_tiny_model("lorikeet-tiny-merge", {.vocabulary = kTinyTokens});  // llama: q and k change rows
  write_tiny_tokenizer(path);
  Model model = need(Model::load(*test_device(), path));
  const Adapter adapter = adapter_for(model, AdapterKind::lora);
  ConvertOptions options{.type = DType::f32};
  need(options.merge.add(adapter, kScale, "a"));
  const ConvertReport report = need(convert(model.checkpoint(), folder / "f32.gguf", options));
  CHECK(says(report, "14 matrices were merged: f32 as stored, summed in f32, written as f32."));
  const auto expected = log_probs(model, &adapter);
  const auto merged = [&](const char* file) {
    Model made = need(Model::load(*test_device(), folder / file));
    return log_probs(made, nullptr);
  };
  CHECK(worst(merged("f32.gguf"), expected) < 1e-4f);
  CHECK(worst(log_probs(model, nullptr), expected) > 1e-2f);

  // The base is quantised, and so is what comes out.
  need(convert(model.checkpoint(), folder / "q8_0.gguf", {.type = DType::q8_0}));
  Model quantised = need(Model::load(*test_device(), folder / "q8_0.gguf"));
  options.type = DType::q8_0;
  const ConvertReport again = need(convert(quantised.checkpoint(), folder / "merged.gguf", options));
  CHECK(says(again, "14 matrices were merged: q8_0 as stored, summed in f32, quantised again as q8_0; what"));
  // Quantising twice costs about as much as quantising once.
  const auto on_quantised = log_probs(quantised, &adapter);
  CHECK(worst(merged("merged.gguf"), on_quantised) < 2 * worst(on_quantised, expected));

  const Status routed = options.merge.add(adapter_for(model, AdapterKind::mola), 1, "routed");
  REQUIRE_FALSE(routed);
  CHECK(routed.error().message.starts_with("[merge] routed is a MoLA adapter: "));
}
