// Adapted layers of a model that is bf16, one by one from their recorded inputs, against what the published code made
// of them: results are rounded where it rounds.
#include <algorithm>
#include <cmath>

#include "frontend/adapters/adapter_writer.h"
#include "frontend/families/resolve.h"
#include "frontend/training/adapter_parameters.h"
#include "runtime/base/half.h"
#include "runtime/base/text.h"
#include "tests/support/catch.h"
#include "tests/support/recorded_adapters.h"
#include "tests/support/run_graph.h"
#include "tests/support/skip.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

constexpr const char* kAdapter = "adapter";
constexpr float kTwoSteps = 0.06f;  // of bf16, of the largest partial sum

std::vector<float> widened(const TensorFiles& files, const std::string& name) {
  std::vector<float> values;
  for (const uint16_t bits : recorded<uint16_t>(files, name)) values.push_back(bf16_to_f32(bits));
  return values;
}

// What the base holds under this name, as a model in bf16 would.
std::vector<float> rounded_weight(const RecordedBase& base, const std::string& name) {
  std::vector<float> values;
  const TensorInfo* info = base.model.checkpoint().find(name);
  if (!info) FAIL(name << " is missing");
  const Bytes bytes = need(base.model.checkpoint().data(*info));
  values.resize(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  for (float& value : values) value = bf16_to_f32(f32_to_bf16(value));
  return values;
}

// The layers.L.self_attn.PROJ, layers.L.mlp.PROJ or layers.L.mlp of a recorded tensor's name.
struct Layer {
  std::string module;
  uint32_t number = 0;
  bool network = false;  // the whole feed-forward network
  WeightRole role{};
};

std::vector<Layer> layers_of(const TensorFiles& files) {
  const std::pair<std::string_view, WeightRole> projections[] = {
      {"q_proj", WeightRole::q},      {"k_proj", WeightRole::k},       {"v_proj", WeightRole::v},
      {"o_proj", WeightRole::o},      {"gate_proj", WeightRole::gate}, {"up_proj", WeightRole::up},
      {"down_proj", WeightRole::down}};
  std::vector<Layer> layers;
  for (const TensorInfo& tensor : files.tensors()) {
    if (!tensor.name.starts_with("single1.layers.") || !tensor.name.ends_with(".x")) continue;
    Layer layer{tensor.name.substr(8, tensor.name.size() - 10)};
    layer.number = uint32_t(layer.module[7] - '0');
    layer.network = layer.module.ends_with(".mlp");
    for (const auto& [name, role] : projections)
      if (layer.module.ends_with(name)) layer.role = role;
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace

TEST_CASE("adapted layers in bf16 are those of the published code", "[model][adapter]") {
  auto base = open_recorded_base();
  if (!base && !test_device()) LK_SKIP(no_device, "adapters");
  if (!base) LK_SKIP(no_shared_goldens, "the recorded adapters");
  for (const char* name : {"lora", "dynmole", "loramoe", "mixlora", "mixlora-dynamic", "mola"}) {
    const Adapter adapter = base->adapter(name);
    const TensorFiles records = base->records(join(name, "-bf16"));
    Data adapter_data;
    for (const Parameter& parameter : adapter_parameters(adapter.tensors, kAdapter))
      adapter_data.floats[parameter.name] = parameter.values;
    size_t elements = 0, different = 0;
    float largest = 0;
    const std::vector<Layer> layers = layers_of(records);
    REQUIRE(layers.size() >= 9);
    for (const Layer& layer : layers) {
      Data data = adapter_data;
      data.floats["x"] = widened(records, join("single1.", layer.module, ".x"));
      const auto expected = widened(records, join("single1.", layer.module, ".y"));
      Graph g;
      const auto product = [&](Tensor x, const std::string& weight, WeightRole role) {
        const auto shape = expected_shape(base->model.config(), role);
        data.floats[weight] = rounded_weight(*base, join("model.", weight, ".weight"));
        const Tensor w = g.state(weight, DType::f32, {int64_t(shape[0]), int64_t(shape[1])});
        return round_bf16(g, matmul(g, x, w));
      };
      const int64_t in =
          layer.network ? base->model.config().hidden : int64_t(expected_shape(base->model.config(), layer.role)[1]);
      const Tensor x = g.input("x", DType::f32, {int64_t(data.floats["x"].size()) / in, in});
      AdapterWriter writer(g, {{.config = &adapter.config, .tensors = &adapter.tensors, .name = kAdapter}}, {}, true);
      if (layer.network) {
        const Tensor gate = product(x, layer.module + ".gate_proj", WeightRole::gate),
                     up = product(x, layer.module + ".up_proj", WeightRole::up);
        const Tensor y = product(silu_mul_bf16(g, gate, up), layer.module + ".down_proj", WeightRole::down);
        const Tensor down = g.find(layer.module + ".down_proj");
        g.keep(writer.feed_forward(layer.number, {.x = x, .gate = gate, .up = up, .y = y, .down = down}), "y");
      } else {
        g.keep(writer.linear(layer.number, layer.role, x, product(x, layer.module, layer.role)), "y");
      }
      REQUIRE(!g.error());
      const auto got = need(run_graph(*test_device(), g, data)).floats.at("y");
      REQUIRE(got.size() == expected.size());
      INFO(name << " " << layer.module);
      largest = std::max(largest, worst(got, expected));
      for (size_t i = 0; i < got.size(); ++i) different += got[i] != expected[i];
      elements += got.size();
    }
    INFO(name << ": " << different << " of " << elements << " differ, the most by " << largest);
    CHECK(double(different) <= 0.01 * double(elements));
    CHECK(largest <= kTwoSteps);
  }
}
