// Adapters written and read again, as safetensors and as torch files.
#include <cstring>

#include "frontend/adapters/adapter.h"
#include "frontend/adapters/adapter_initialisation.h"
#include "frontend/checkpoint/checkpoint.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

AdapterBase small_base(uint32_t layers = 2) {
  DecoderConfig config;
  config.family = &kLlama;
  config.layers = layers;
  config.hidden = 8;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 4;
  config.intermediate = 12;
  AdapterBase base = adapter_base(config);
  base.name = "models/base";
  return base;
}

AdapterConfig small_config() {
  return AdapterConfig::parse(
             R"({"r":2,"lora_alpha":4,"lora_dropout":0.05,"target_modules":["down_proj"],"peft_type":"DYNMOLE",
                 "num_experts":3,"base_model_name_or_path":"someone/base"})",
             "[a]")
      .value();
}

std::string written_error(const Status& status) {
  REQUIRE_FALSE(status.ok());
  return status.error().message;
}

std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

void check_same(const AdapterTensors& a, const AdapterTensors& b) {
  REQUIRE(a.routers.size() == b.routers.size());
  REQUIRE(a.linears.size() == b.linears.size());
  for (size_t i = 0; i < a.routers.size(); ++i) CHECK(a.routers[i].weight == b.routers[i].weight);
  for (size_t i = 0; i < a.linears.size(); ++i) {
    CHECK(a.linears[i].a == b.linears[i].a);
    CHECK(a.linears[i].b == b.linears[i].b);
    CHECK(a.linears[i].scaling == b.linears[i].scaling);
  }
}

}  // namespace

TEST_CASE("adapter files: what is written is read again, from both formats") {
  const test::TemporaryFolder folder;
  const AdapterConfig config = small_config();
  AdapterTensors tensors = initial_adapter_tensors(config, small_base(), 1).value();
  for (size_t i = 0; i < tensors.linears[0].b.size(); ++i) tensors.linears[0].b[i] = float(i) / 7;
  const std::filesystem::path place = folder / "made" / "";  // with a slash at its end
  REQUIRE(write_adapter(place, config, tensors).ok());
  using Names = std::vector<std::string>;
  CHECK(files_in(folder.path()) == Names{"made"});
  CHECK(files_in(place) == Names{"adapter_config.json", "adapter_model.bin", "adapter_model.safetensors"});
  const Adapter both = open_adapter(place, small_base()).value();
  check_same(both.tensors, tensors);
  CHECK(both.warnings.empty());
  CHECK(both.config.text() == config.text());
  std::filesystem::remove(place / "adapter_model.safetensors");
  check_same(open_adapter(place, small_base()).value().tensors, tensors);
  std::filesystem::remove(place / "adapter_model.bin");
  const auto none = open_adapter(place, small_base());
  CHECK(none.error().message ==
        "[adapter] " + place.string() + " has neither adapter_model.safetensors nor adapter_model.bin.");
}

TEST_CASE("adapter files: recorded adapters keep every bit when they are written") {
  const auto goldens = test::shared_golden("dynmole");
  if (!goldens) LK_SKIP(no_shared_goldens, "dynmole");
  const AdapterBase base =
      adapter_base(DecoderConfig::from(Checkpoint::open_config(*goldens / "base").value()).value());
  const test::TemporaryFolder folder;
  for (const char* name : {"dynmole", "lora", "loramoe", "mixlora", "mixlora-dynamic", "mola"}) {
    INFO(name);
    const Adapter adapter = open_adapter(*goldens / "adapters" / name, base).value();
    CHECK(adapter.warnings.empty());
    REQUIRE(write_adapter(folder / name, adapter.config, adapter.tensors).ok());
    const TensorFiles recorded = open_tensors(*goldens / "adapters" / name / "adapter_model.bin").value();
    for (const char* file : {"adapter_model.bin", "adapter_model.safetensors"}) {
      INFO(file);
      const TensorFiles made = open_tensors(folder / name / file).value();
      CHECK(made.tensors().size() == recorded.tensors().size());
      for (size_t i = 0; std::string_view(file).ends_with(".bin") && i < made.tensors().size(); ++i)
        CHECK(made.tensors()[i].name == recorded.tensors()[i].name);  // in the published order
      for (const TensorInfo& tensor : made.tensors()) {
        INFO(tensor.name);
        const TensorInfo* other = recorded.find(tensor.name);
        REQUIRE(other);
        CHECK(tensor.shape == other->shape);
        CHECK(tensor.type == DType::f32);
        const Bytes x = made.data(tensor).value(), y = recorded.data(*other).value();
        CHECK(std::equal(x.begin(), x.end(), y.begin(), y.end()));
      }
    }
  }
}

TEST_CASE("adapter files: a folder that is there is replaced only if it is asked for and holds an adapter alone") {
  const test::TemporaryFolder folder;
  const AdapterConfig config = small_config();
  const AdapterTensors tensors = initial_adapter_tensors(config, small_base(), 1).value();
  std::filesystem::create_directory(folder / "a");
  REQUIRE(write_adapter(folder / "a", config, tensors, {.torch = false}).ok());  // an empty folder is as good as none
  CHECK(written_error(write_adapter(folder / "a", config, tensors)) ==
        "[adapter] " + (folder / "a").string() + " is there already; give the name of a new folder.");
  CHECK(written_error(write_adapter(folder / "b", config, tensors, {.safetensors = false, .torch = false})) ==
        "[adapter] neither file of tensors was asked for.");
  REQUIRE(write_adapter(folder / "a", config, tensors, {.safetensors = false, .replace = true}).ok());
  CHECK(files_in(folder / "a") == std::vector<std::string>{"adapter_config.json", "adapter_model.bin"});
  folder.write("a/notes.txt", "mine");
  CHECK(written_error(write_adapter(folder / "a", config, tensors, {.replace = true})) ==
        "[adapter] " + (folder / "a").string() +
            " is there already and holds more than an adapter; give the name of a new folder.");
  CHECK(files_in(folder.path()) == std::vector<std::string>{"a"});
}

TEST_CASE("adapter files: nothing appears when the tensors have no values or the place cannot be written") {
  const test::TemporaryFolder folder;
  const AdapterConfig config = small_config();
  const AdapterTensors layout = adapter_layout(config, small_base()).value();
  CHECK(written_error(write_adapter(folder / "a", config, layout)) ==
        "[adapter] tensor dynmole.layers.0.mlp.down_proj.moe_gate.weight of shape (3, 12) has no values.");
  CHECK(written_error(write_adapter(folder / "a", config, {})) ==
        "[adapter] an adapter without tensors was to be written.");
  folder.write("file", "");
  const AdapterTensors tensors = initial_adapter_tensors(config, small_base(), 1).value();
  CHECK(written_error(write_adapter(folder / "file" / "a", config, tensors)).starts_with("[adapter] cannot write "));
  CHECK(files_in(folder.path()) == std::vector<std::string>{"file"});
}

TEST_CASE("adapter files: another base gives a warning, other shapes an error") {
  const test::TemporaryFolder folder;
  AdapterConfig config = small_config();
  const AdapterTensors tensors = initial_adapter_tensors(config, small_base(), 1).value();
  REQUIRE(write_adapter(folder / "a", config, tensors).ok());
  AdapterBase base = small_base();
  base.name = "models/other/";
  CHECK(open_adapter(folder / "a", base).value().warnings ==
        std::vector<std::string>{"The adapter was made for the base someone/base, this base is models/other/; the "
                                 "shapes fit, but the results may not."});
  const auto misfit = open_adapter(folder / "a", small_base(3));
  REQUIRE_FALSE(misfit.ok());
  CHECK(misfit.error().code == ErrorCode::not_found);
  CHECK(misfit.error().message.find("dynmole.layers.2.mlp.down_proj.moe_gate.weight of shape (3, 12) is missing") !=
        std::string::npos);
  config.base_sha256 = std::string(64, 'a');
  base.sha256 = std::string(64, 'a');
  CHECK(base_warning(config, base).empty());  // the same file by another name
  base.sha256 = std::string(64, 'b');
  CHECK(base_warning(config, base) == "The adapter was made for a base with the SHA-256 " + config.base_sha256 +
                                          ", this base has " + base.sha256 +
                                          "; the shapes fit, but the results may not.");
}
