#include "frontend/checkpoint/checkpoint.h"

#include <cstring>

#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/config.h"
#include "frontend/families/resolve.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/small_model.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

std::string open_error(const std::filesystem::path& path) {
  const auto checkpoint = Checkpoint::open(path);
  REQUIRE_FALSE(checkpoint.ok());
  return checkpoint.error().message;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// Writes one part of a split file that holds the tensors `names`, each of four f32.
void write_part(const std::filesystem::path& path, uint32_t part, uint32_t parts, uint32_t all,
                const std::vector<std::string>& names) {
  GgufHeader header;
  header.set_text("general.architecture", "llama");
  header.set_natural("split.no", part);
  header.set_natural("split.count", parts);
  header.set_natural("split.tensors.count", all);
  for (const std::string& name : names) REQUIRE(header.add_tensor(name, DType::f32, {4}).ok());
  auto writer = GgufWriter::create(path, header);
  REQUIRE(writer.ok());
  for (const std::string& name : names) {
    const float value = float(name.back());
    const float values[4] = {value, value, value, value};
    REQUIRE(writer->write(std::as_bytes(std::span(values))).ok());
  }
  REQUIRE(writer->finish().ok());
}

}  // namespace

TEST_CASE("checkpoint: a directory with one safetensors file, and a sharded one") {
  const test::TemporaryFolder folder;
  const test::SmallModel model = test::small_model({});
  test::write_directory(model, folder / "single");
  test::write_sharded(model, folder / "sharded");
  for (const char* name : {"single", "sharded"}) {
    INFO(name);
    const auto checkpoint = Checkpoint::open(folder / name);
    REQUIRE(checkpoint.ok());
    CHECK(checkpoint->kind() == Checkpoint::Kind::huggingface);
    CHECK(checkpoint->tensors().size() == model.values.size());
    CHECK(checkpoint->text("config.json").value() == model.config);
    CHECK_FALSE(checkpoint->has_text("tokenizer.json"));
    for (const auto& [tensor_name, values] : model.values) {
      const TensorInfo* tensor = checkpoint->find(tensor_name);
      REQUIRE(tensor);
      const Bytes bytes = checkpoint->data(*tensor).value();
      CHECK(std::memcmp(bytes.data(), values.data(), bytes.size()) == 0);
      checkpoint->release(*tensor);
      CHECK(std::memcmp(bytes.data(), values.data(), bytes.size()) == 0);  // the pages come back
    }
    const auto config = DecoderConfig::from(*checkpoint);
    REQUIRE(config.ok());
    CHECK(check_weights(*checkpoint, *config).ok());
  }
}

TEST_CASE("checkpoint: a split GGUF is one list of tensors") {
  const test::TemporaryFolder folder;
  write_part(folder / "m-00001-of-00003.gguf", 0, 3, 4, {"a", "b"});
  write_part(folder / "m-00002-of-00003.gguf", 1, 3, 4, {"c"});
  CHECK(contains(open_error(folder / "m-00001-of-00003.gguf"), "m-00003-of-00003.gguf"));
  write_part(folder / "m-00003-of-00003.gguf", 2, 3, 4, {"d"});
  const auto checkpoint = Checkpoint::open(folder / "m-00001-of-00003.gguf");
  REQUIRE(checkpoint.ok());
  CHECK(checkpoint->tensors().size() == 4);
  for (const char* name : {"a", "b", "c", "d"})
    CHECK(load<float>(checkpoint->data(*checkpoint->find(name)).value().data()) == float(name[0]));
  CHECK(contains(open_error(folder / "m-00002-of-00003.gguf"), "open the first part"));
  write_part(folder / "m-00003-of-00003.gguf", 1, 3, 4, {"d"});
  CHECK(contains(open_error(folder / "m-00001-of-00003.gguf"), "part 3 of 3 was expected"));
  write_part(folder / "m-00003-of-00003.gguf", 2, 3, 4, {"a"});
  CHECK(contains(open_error(folder / "m-00001-of-00003.gguf"), "tensor a occurs twice"));
  write_part(folder / "m-00003-of-00003.gguf", 2, 3, 4, {"d", "e"});
  CHECK(contains(open_error(folder / "m-00001-of-00003.gguf"), "should hold 4 tensors, they hold 5"));
}

TEST_CASE("checkpoint: what is no model says why") {
  const test::TemporaryFolder folder;
  CHECK(contains(open_error(folder / "missing"), "does not exist"));
  std::filesystem::create_directories(folder / "empty");
  CHECK(contains(open_error(folder / "empty"), "is an empty directory"));
  folder.write("text.txt", "hello");
  CHECK(contains(open_error(folder.path()), "has no config.json"));
  CHECK(contains(open_error(folder / "text.txt"), "neither GGUF, nor safetensors, nor a torch zip"));
  folder.write("config.json", "{}");
  CHECK(contains(open_error(folder.path()), "has no weights"));
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"../secret"}})");
  CHECK(contains(open_error(folder.path()), "must be the name of a file"));
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"gone.safetensors"}})");
  CHECK(contains(open_error(folder.path()), "gone.safetensors is missing"));
  folder.write("model.safetensors.index.json", R"({"weight_map":{}})");
  CHECK(contains(open_error(folder.path()), "weight_map"));
  folder.write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  CHECK(contains(open_error(folder.path()), "Git LFS pointer"));
  CHECK(
      contains(open_error(test::golden("quants/quants.safetensors")), "give the directory that also has config.json"));
}

TEST_CASE("checkpoint: unknown architectures and misshapen weights are named") {
  const auto quants = Checkpoint::open(test::golden("quants/quants.gguf"));
  REQUIRE(quants.ok());
  CHECK(contains(DecoderConfig::from(*quants).error().message, "llama, qwen2 and parrot are supported"));
  const test::TemporaryFolder folder;
  test::SmallModel model = test::small_model({});
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  model.shapes[name] = {32, 192};
  test::write_directory(model, folder / "m");
  const auto misshapen = Checkpoint::open(folder / "m");
  const auto config = DecoderConfig::from(*misshapen);
  REQUIRE(config.ok());
  CHECK(contains(check_weights(*misshapen, *config).error().message,
                 name + " must have the shape (96, 64), it has (32, 192)."));
  model.shapes.erase(name);
  model.values.erase(name);
  test::write_directory(model, folder / "n");
  const auto missing = Checkpoint::open(folder / "n");
  CHECK(contains(check_weights(*missing, *config).error().message, name + " of shape (96, 64) is missing."));
}

TEST_CASE("checkpoint: a directory of a model that torch saved") {
  const auto directory = test::shared_golden("factorllm/dense");
  if (!directory) LK_SKIP(no_shared_goldens, "factorllm/dense");
  const auto checkpoint = Checkpoint::open(*directory);
  REQUIRE(checkpoint.ok());
  const auto config = DecoderConfig::from(*checkpoint);
  REQUIRE(config.ok());
  CHECK(config->layers == 3);
  CHECK(config->head_dim == 16);
  CHECK(config->intermediate == 176);
  CHECK(check_weights(*checkpoint, *config).ok());
  CHECK_FALSE(resolve(*checkpoint, *config, 0, WeightRole::q)->permuted());
}
