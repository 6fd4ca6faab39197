// The tensors of adapters: names, shapes, the neutral form, and the numbers with which training begins.
#include "frontend/adapters/adapter_tensors.h"

#include <cmath>
#include <cstring>

#include "frontend/adapters/adapter_initialisation.h"
#include "frontend/adapters/counter_random.h"
#include "frontend/checkpoint/checkpoint.h"
#include "frontend/checkpoint/safetensors.h"
#include "runtime/base/half.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

// Two layers: hidden 8, queries 8, keys and values 4, intermediate 12.
AdapterBase small_base() {
  DecoderConfig config;
  config.family = &kLlama;
  config.layers = 2;
  config.hidden = 8;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 4;
  config.intermediate = 12;
  return adapter_base(config);
}

AdapterConfig config_of(const std::string& targets, const std::string& more) {
  auto config = AdapterConfig::parse(
      R"({"r":2,"lora_alpha":6,"lora_dropout":0.05,"target_modules":[)" + targets + "]" + more + "}", "[a]");
  if (!config) FAIL(config.error().message);
  return std::move(config).value();
}

const std::string kDynMole = R"(,"peft_type":"DYNMOLE","num_experts":3)";
const std::string kMixLora =
    R"(,"peft_type":"MIXLORA","routing_strategy":"mixlora","num_experts":3,"expert_lora":{"r":4})";

// A file in memory first, so that a test can change it.
struct Draft {
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    std::vector<float> values;
    DType type = DType::f32;
  };
  std::vector<Tensor> tensors;

  Draft(const AdapterConfig& config, AdapterNaming naming = AdapterNaming::published) {
    const AdapterTensors made = initial_adapter_tensors(config, small_base(), 5).value();
    for (const AdapterSlot& slot : adapter_slots(made, config.kind, naming)) {
      const auto values = values_of(made, slot);
      tensors.push_back({slot.name, slot.shape, {values.begin(), values.end()}});
      for (size_t i = 0; slot.part == AdapterSlot::Part::b && i < values.size(); ++i)
        tensors.back().values[i] = float(i) + 0.25f * float(slot.first);
    }
  }

  Tensor& named(const std::string& name) {
    for (Tensor& tensor : tensors)
      if (tensor.name == name) return tensor;
    FAIL("no tensor " << name);
    return tensors.front();
  }

  void erase(const std::string& name) {
    std::erase_if(tensors, [&](const Tensor& tensor) { return tensor.name == name; });
  }

  Result<AdapterTensors> read(const AdapterConfig& config) const {
    const test::TemporaryFolder folder;
    std::vector<std::vector<std::byte>> bytes;
    std::vector<NamedBytes> all;
    for (const Tensor& tensor : tensors) {
      bytes.push_back(encoded(tensor));
      all.push_back({tensor.name, tensor.type, tensor.shape, bytes.back()});
    }
    REQUIRE(write_safetensors(folder / "adapter_model.safetensors", all).ok());
    const TensorFiles files = open_tensors(folder / "adapter_model.safetensors").value();
    auto result = read_adapter_tensors(config, small_base(), files);
    if (!result) {  // without the folder's name
      std::string& message = result.error().message;
      const size_t begin = message.find(folder.path().string());
      REQUIRE(begin != std::string::npos);
      message.erase(begin, folder.path().string().size() + 1);
    }
    return result;
  }

  std::string error(const AdapterConfig& config) const {
    const auto result = read(config);
    REQUIRE_FALSE(result.ok());
    return result.error().message;
  }

 private:
  static std::vector<std::byte> encoded(const Tensor& tensor) {
    std::vector<std::byte> bytes;
    for (float value : tensor.values) {
      const uint16_t half = tensor.type == DType::f16 ? f32_to_f16(value) : f32_to_bf16(value);
      const bool whole = layout(tensor.type).bytes == 4;
      const size_t at = bytes.size();
      bytes.resize(at + (whole ? 4 : 2));
      std::memcpy(bytes.data() + at, whole ? static_cast<const void*>(&value) : &half, whole ? 4 : 2);
    }
    return bytes;
  }
};

std::vector<std::string> names(const AdapterConfig& config, AdapterNaming naming = AdapterNaming::published) {
  std::vector<std::string> all;
  const AdapterTensors tensors = adapter_layout(config, small_base()).value();
  for (const AdapterSlot& slot : adapter_slots(tensors, config.kind, naming)) all.push_back(slot.name);
  return all;
}

bool contains(const std::vector<std::string>& all, const std::string& name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

}  // namespace

TEST_CASE("adapter tensors: a base's linear layers have their published names") {
  const AdapterBase base = small_base();
  REQUIRE(base.linears.size() == 14);
  CHECK(base.layers == 2);
  CHECK(base.linears[0].module == "self_attn.q_proj");
  CHECK(base.linears[1].out == 4);
  CHECK(base.linears[4].module == "mlp.gate_proj");
  CHECK(base.linears[5].projection() == "down_proj");
  CHECK(base.linears[5].in == 12);
  CHECK(base.linears[5].out == 8);
  CHECK(base.linears[13].layer == 1);
  CHECK(base.linears[13].module == "mlp.up_proj");
}

TEST_CASE("adapter tensors: names by kind, in the published order") {
  using Names = std::vector<std::string>;
  const std::string p = "base_model.model.model.layers.";
  CHECK(names(config_of(R"("v_proj")", "")) ==
        Names{p + "0.self_attn.v_proj.lora_A.weight", p + "0.self_attn.v_proj.lora_B.weight",
              p + "1.self_attn.v_proj.lora_A.weight", p + "1.self_attn.v_proj.lora_B.weight"});
  const Names dynmole = names(config_of(R"("q_proj","down_proj")", kDynMole));
  REQUIRE(dynmole.size() == 2 * 2 * 7);
  CHECK(dynmole[0] == "dynmole.layers.0.self_attn.q_proj.moe_gate.weight");
  CHECK(dynmole[1] == "dynmole.layers.0.self_attn.q_proj.experts.0.lora_A.weight");
  CHECK(dynmole[6] == "dynmole.layers.0.self_attn.q_proj.experts.2.lora_B.weight");
  CHECK(dynmole[7] == "dynmole.layers.0.mlp.down_proj.moe_gate.weight");
  const Names loramoe = names(config_of(R"("q_proj","up_proj")", R"(,"peft_type":"LORAMOE","num_experts":3)"));
  CHECK(loramoe.size() == 2 * (2 + 7));
  CHECK(loramoe[0] == "loramoe.layers.0.self_attn.q_proj.lora_A.weight");
  CHECK(loramoe[2] == "loramoe.layers.0.mlp.up_proj.moe_gate.weight");
  const AdapterConfig mixlora = config_of(R"("q_proj","up_proj")", kMixLora);
  CHECK(names(mixlora).size() == 2 * (2 + 1 + 6));
  CHECK(contains(names(mixlora), "mixlora.layers.1.mlp.moe_gate.weight"));
  CHECK(contains(names(mixlora), "mixlora.layers.1.self_attn.q_proj.lora_B.weight"));
  CHECK(contains(names(mixlora), "mixlora.layers.1.mlp.up_proj.experts.2.lora_A.weight"));
  const Names first = names(mixlora, AdapterNaming::mixlora_first);
  CHECK(contains(first, "mixlora.layers.1.gate.weight"));
  CHECK(contains(first, "mixlora.layers.1.self_attn.q_proj.lora_B.weight"));
  CHECK(contains(first, "mixlora.layers.1.experts.2.up_proj.lora_A.weight"));
  CHECK(contains(names(mixlora, AdapterNaming::mixlora_numbered), "mixlora.layers.1.experts.2.w3_proj.lora_A.weight"));
}

TEST_CASE("adapter tensors: targets may be ends of module names, and must be there") {
  CHECK(names(config_of(R"("self_attn.v_proj")", "")).size() == 4);
  CHECK(names(config_of(R"("model.layers.1.self_attn.v_proj")", "")).size() == 2);
  const auto missing = adapter_layout(config_of(R"("q_proj","fc1")", ""), small_base());
  CHECK(missing.error().message ==
        "[adapter] target_modules names fc1, which the base does not have; in each layer it has q_proj, k_proj, "
        "v_proj, o_proj, gate_proj, down_proj, up_proj.");
  CHECK_FALSE(adapter_layout(config_of(R"("proj")", ""), small_base()).ok());
}

TEST_CASE("adapter tensors: the neutral form of DynMoLE") {
  const AdapterConfig config = config_of(R"("k_proj","down_proj")", kDynMole);
  Draft draft(config);
  const AdapterTensors tensors = draft.read(config).value();
  REQUIRE(tensors.routers.size() == 4);
  REQUIRE(tensors.linears.size() == 4);
  const AdapterLinear& down = tensors.linears[3];
  CHECK(down.layer == 1);
  CHECK(down.role == WeightRole::down);
  CHECK(down.module == "mlp.down_proj");
  CHECK(down.in == 12);
  CHECK(down.out == 8);
  CHECK(down.experts == 3);
  CHECK(down.rank == 2);
  CHECK(down.scaling == 3);
  REQUIRE(down.router);
  const AdapterRouter& router = tensors.routers[*down.router];
  CHECK(router.module == down.module);
  CHECK(router.layer == 1);
  CHECK(router.in == 12);
  CHECK(router.weight == draft.named("dynmole.layers.1.mlp.down_proj.moe_gate.weight").values);
  for (int e = 0; e < 3; ++e) {
    INFO(e);
    const std::string name = "dynmole.layers.1.mlp.down_proj.experts." + std::to_string(e);
    const auto& a = draft.named(name + ".lora_A.weight").values;
    const auto& b = draft.named(name + ".lora_B.weight").values;
    CHECK(std::equal(a.begin(), a.end(), down.a.begin() + e * 2 * 12));
    CHECK(std::equal(b.begin(), b.end(), down.b.begin() + e * 8 * 2));
  }
}

TEST_CASE("adapter tensors: MixLoRA has one router a feed-forward network and plain LoRA in attention") {
  const AdapterConfig config = config_of(R"("q_proj","gate_proj","up_proj")", kMixLora);
  const AdapterTensors tensors = Draft(config).read(config).value();
  REQUIRE(tensors.routers.size() == 2);
  REQUIRE(tensors.linears.size() == 6);
  CHECK(tensors.routers[1].module == "mlp");
  CHECK(tensors.routers[1].in == 8);
  CHECK_FALSE(tensors.linears[3].router);
  CHECK(tensors.linears[3].experts == 1);
  CHECK(tensors.linears[3].scaling == 3);
  CHECK(tensors.linears[4].router == 1u);
  CHECK(tensors.linears[5].router == 1u);
  CHECK(tensors.linears[5].rank == 4);
  CHECK(tensors.linears[5].scaling == 1.5f);
}

TEST_CASE("adapter tensors: MixLoRA's first files are the same under other names") {
  const AdapterConfig config = config_of(R"("q_proj","gate_proj","up_proj","down_proj")", kMixLora);
  const AdapterTensors published = Draft(config).read(config).value();
  Draft first(config), numbered(config);
  for (auto [draft, naming] :
       {std::pair(&first, AdapterNaming::mixlora_first), std::pair(&numbered, AdapterNaming::mixlora_numbered)}) {
    const std::vector<std::string> all = names(config, naming);
    for (size_t i = 0; i < all.size(); ++i) draft->tensors[i].name = all[i];
    const AdapterTensors read = draft->read(config).value();
    for (size_t i = 0; i < published.linears.size(); ++i) {
      CHECK(read.linears[i].a == published.linears[i].a);
      CHECK(read.linears[i].b == published.linears[i].b);
    }
    CHECK(read.routers[1].weight == published.routers[1].weight);
  }
}

TEST_CASE("adapter tensors: f16 and bf16 become f32, other types are refused") {
  const AdapterConfig config = config_of(R"("v_proj")", "");
  const std::string a = "base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight";
  Draft draft(config);
  auto& tensor = draft.named(a);
  for (float& value : tensor.values) value = 0.5f;
  tensor.values[3] = 1.0f / 3;
  tensor.type = DType::f16;
  CHECK(draft.read(config).value().linears[1].a[3] == f16_to_f32(f32_to_f16(1.0f / 3)));
  tensor.type = DType::bf16;
  CHECK(draft.read(config).value().linears[1].a[3] == bf16_to_f32(f32_to_bf16(1.0f / 3)));
  tensor.type = DType::i32;
  CHECK(draft.error(config) ==
        "[adapter] adapter_model.safetensors: tensor " + a + " must be f32, f16 or bf16, it is i32.");
}

TEST_CASE("adapter tensors: a tensor that is missing, too many or of another shape is named") {
  const AdapterConfig config = config_of(R"("k_proj")", kDynMole);
  const std::string gate = "dynmole.layers.1.self_attn.k_proj.moe_gate.weight";
  const std::string b = "dynmole.layers.1.self_attn.k_proj.experts.2.lora_B.weight";
  Draft missing(config), more(config), other(config);
  missing.erase(gate);
  CHECK(missing.error(config) == "[adapter] adapter_model.safetensors: tensor " + gate +
                                     " of shape (3, 8) is missing; the file begins with "
                                     "dynmole.layers.0.self_attn.k_proj.moe_gate.weight.");
  more.tensors.push_back({"classifier", {2, 8}, std::vector<float>(16)});
  CHECK(more.error(config) ==
        "[adapter] adapter_model.safetensors: tensor classifier of shape (2, 8) is not one of the 14 that the adapter "
        "has by its configuration on a base of 2 layers.");
  other.named(b).shape = {2, 4};
  CHECK(other.error(config) == "[adapter] adapter_model.safetensors: tensor " + b +
                                   " must have the shape (4, 2) to fit this base, it has (2, 4).");
}

TEST_CASE("adapter tensors: Philox gives the numbers of its paper's test vectors") {
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("adapter tensors: training begins with the published distributions") {
  const AdapterBase base = small_base();
  const AdapterConfig config = config_of(R"("k_proj","down_proj")", R"(,"peft_type":"DYNMOLE","num_experts":200)");
  const AdapterTensors tensors = initial_adapter_tensors(config, base, 42).value();
  const auto check_uniform = [](const std::vector<float>& values, double bound) {
    double sum = 0, squares = 0;
    float largest = 0;
    for (float value : values) {
      sum += value;
      squares += double(value) * value;
      largest = std::max(largest, std::abs(value));
    }
    CHECK(largest <= float(bound));
    CHECK(largest > 0.99 * bound);
    CHECK(std::abs(sum / double(values.size())) < 0.05 * bound);
    CHECK(squares / double(values.size()) == Approx(bound * bound / 3).epsilon(0.05));
  };
  check_uniform(tensors.routers[1].weight, 1 / std::sqrt(12.0));
  check_uniform(tensors.linears[1].a, 1 / std::sqrt(12.0));
  CHECK(tensors.linears[1].b == std::vector<float>(200 * 8 * 2));
  const AdapterTensors again = initial_adapter_tensors(config, base, 42).value();
  CHECK(again.linears[1].a == tensors.linears[1].a);
  CHECK(initial_adapter_tensors(config, base, 43).value().linears[1].a != tensors.linears[1].a);
  CHECK(tensors.linears[0].a != std::vector<float>(tensors.linears[2].a));  // another layer has other numbers
  // A tensor's numbers do not depend on what else is adapted.
  const AdapterConfig less = config_of(R"("down_proj")", R"(,"peft_type":"DYNMOLE","num_experts":3)");
  const AdapterTensors fewer = initial_adapter_tensors(less, base, 42).value();
  CHECK(std::equal(fewer.linears[0].a.begin(), fewer.linears[0].a.end(), tensors.linears[1].a.begin()));
}

TEST_CASE("adapter tensors: MixLoRA's routers and gaussian A begin normally distributed") {
  const auto check_normal = [](const std::vector<float>& values, double deviation) {
    double sum = 0, squares = 0, fourths = 0;
    for (double value : values) {
      sum += value;
      squares += value * value;
      fourths += value * value * value * value;
    }
    const double n = double(values.size()), variance = squares / n;
    CHECK(std::abs(sum / n) < 0.06 * deviation);
    CHECK(variance == Approx(deviation * deviation).epsilon(0.1));
    CHECK(fourths / n == Approx(3 * variance * variance).epsilon(0.2));
  };
  const std::string more =
      R"(,"peft_type":"MIXLORA","routing_strategy":"mixlora","num_experts":400,"lora_init":"gaussian")";
  const AdapterTensors tensors = initial_adapter_tensors(config_of(R"("up_proj")", more), small_base(), 7).value();
  check_normal(tensors.routers[0].weight, 0.02);
  check_normal(tensors.linears[0].a, 0.5);  // 1 / rank
}

TEST_CASE("adapter tensors: recorded adapters are the same from both formats") {
  const auto goldens = test::shared_golden("dynmole");
  if (!goldens) LK_SKIP(no_shared_goldens, "dynmole");
  const AdapterBase base =
      adapter_base(DecoderConfig::from(Checkpoint::open_config(*goldens / "base").value()).value());
  for (const char* name : {"dynmole", "lora", "loramoe", "mixlora", "mixlora-dynamic", "mola"}) {
    INFO(name);
    const AdapterConfig config = AdapterConfig::open(*goldens / "adapters" / name).value();
    const TensorFiles torch = open_tensors(*goldens / "adapters" / name / "adapter_model.bin").value(),
                      safe =
                          open_tensors(*goldens / "adapters_safetensors" / name / "adapter_model.safetensors").value();
    const auto a = read_adapter_tensors(config, base, torch), b = read_adapter_tensors(config, base, safe);
    if (!a) FAIL(a.error().message);
    if (!b) FAIL(b.error().message);
    size_t slots = 0;
    for (const AdapterSlot& slot : adapter_slots(*a, config.kind)) {
      INFO(slot.name);
      const auto x = values_of(*a, slot), y = values_of(*b, slot);
      const Bytes recorded = safe.data(*safe.find(slot.name)).value();
      CHECK(std::memcmp(x.data(), y.data(), x.size_bytes()) == 0);
      CHECK(recorded.size() == x.size_bytes());
      CHECK(std::memcmp(x.data(), recorded.data(), x.size_bytes()) == 0);
      ++slots;
    }
    CHECK(slots == torch.tensors().size());
  }
}
