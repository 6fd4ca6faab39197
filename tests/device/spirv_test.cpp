// Reflection: what a module states, and what is no module.
#include <map>

#include "runtime/device/kernel.h"
#include "shaders/embedded.h"
#include "tests/device/module.h"
#include "tests/support/catch.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

KernelInterface reflected(std::span<const uint32_t> words, std::span<const SpecialisationConstant> constants = {}) {
  auto interface = reflect(words, constants);
  INFO((interface.ok() ? std::string() : interface.error().message));
  REQUIRE(interface.ok());
  return std::move(interface).value();
}

std::string refused(std::span<const uint32_t> words) {
  const auto interface = reflect(words);
  REQUIRE_FALSE(interface.ok());
  CHECK((interface.error().code == ErrorCode::corrupt || interface.error().code == ErrorCode::unsupported));
  CHECK(interface.error().message.starts_with("[spirv] "));
  return interface.error().message;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("every embedded kernel keeps to the floor") {
  REQUIRE_FALSE(embedded_shaders().empty());
  for (const EmbeddedShader& shader : embedded_shaders()) {
    INFO(shader.name);
    const KernelInterface interface = reflected(shader.words);
    CHECK_FALSE(interface.bindings.empty());
    CHECK(interface.bindings.size() <= 8);
    CHECK(interface.params_bytes <= 128);
    CHECK(interface.shared_bytes <= 32768);
    CHECK(uint64_t(interface.workgroup[0]) * interface.workgroup[1] * interface.workgroup[2] <= 1024);
    bool writes = false;
    for (const auto& binding : interface.bindings) {
      CHECK((binding.reads || binding.writes));
      writes |= binding.writes;
    }
    CHECK(writes);
  }
}

TEST_CASE("fill states its interface") {
  const KernelInterface fill = reflected(embedded_shader("fill"));
  REQUIRE(fill.bindings.size() == 1);
  CHECK(fill.bindings[0].name == "Y");
  CHECK(fill.bindings[0].writes);
  CHECK_FALSE(fill.bindings[0].reads);
  CHECK_FALSE(fill.bindings[0].uniform);
  CHECK(fill.params_bytes == 8);
  CHECK(fill.workgroup[0] == 64);
  CHECK(fill.workgroup_ids[0] == ~0u);
  CHECK(fill.shared_bytes == 0);
  CHECK(fill.capabilities == std::vector<uint32_t>{1});
}

TEST_CASE("access comes from the variable or from all members, and aliases are merged") {
  Module m;
  m.entry();
  const auto read_only = m.describe_buffer(0), both = m.describe_buffer(1), alias = m.describe_buffer(1),
             old = m.describe_buffer(2, 2, true), uniform = m.describe_buffer(3, 2);
  m.decorate(read_only.variable, 24);
  m.op(72, {both.block, 0, 24});
  m.op(72, {alias.block, 0, 25});
  for (const auto& buffer : {read_only, both, alias, old, uniform}) m.declare_buffer(buffer);
  const auto bindings = reflected(m.end()).bindings;
  REQUIRE(bindings.size() == 4);
  CHECK((bindings[0].reads && !bindings[0].writes));
  CHECK((bindings[1].reads && bindings[1].writes));  // one view reads, the other writes
  CHECK((bindings[2].reads && bindings[2].writes && !bindings[2].uniform));
  CHECK((bindings[3].reads && !bindings[3].writes && bindings[3].uniform));
}

TEST_CASE("sizes follow the specialisation constants") {
  const auto words = module_with_constants();
  const KernelInterface plain = reflected(words);
  CHECK(plain.workgroup[0] == 64);
  CHECK(plain.workgroup_ids[0] == 0);
  CHECK(plain.workgroup_ids[2] == 2);
  CHECK(plain.shared_bytes == 4 * 64 * 4);
  CHECK(plain.constant_ids == std::vector<uint32_t>{0, 1, 2});
  const SpecialisationConstant constants[] = {{0, 128}, {1, 2}};
  const KernelInterface special = reflected(words, constants);
  CHECK(special.workgroup[0] == 128);
  CHECK(special.workgroup[1] == 2);
  CHECK(special.shared_bytes == 4 * 128 * 4);
}

TEST_CASE("what cannot be bound is refused") {
  Module gap;
  gap.entry();
  const auto late = gap.describe_buffer(1);
  gap.declare_buffer(late);
  CHECK(contains(refused(gap.end()), "Binding 0 is missing"));

  Module sets;
  sets.entry();
  auto other = sets.describe_buffer(0);
  sets.decorate(other.variable, 34, {1});
  sets.declare_buffer(other);
  CHECK(contains(refused(sets.end()), "descriptor set other than 0"));

  Module twice;
  twice.entry();
  const auto a = twice.describe_buffer(0), b = twice.describe_buffer(0, 2);
  twice.declare_buffer(a);
  twice.declare_buffer(b);
  CHECK(contains(refused(twice.end()), "a storage and a uniform buffer at once"));

  Module image;
  image.entry();
  const uint32_t pointer = image.id();
  image.op(32, {pointer, 0, image.float_type()});
  image.op(59, {pointer, image.id(), 0});
  CHECK(contains(refused(image.end()), "an image or a sampler"));

  Module huge;
  huge.entry();
  const uint32_t length = huge.id(), array = huge.id(), shared = huge.id();
  huge.op(43, {huge.uint_type(), length, ~0u});
  const uint32_t inner = huge.id();
  huge.op(28, {inner, huge.float_type(), length});
  huge.op(28, {array, inner, length});
  huge.op(32, {shared, 4, array});
  huge.op(59, {shared, huge.id(), 4});
  CHECK(contains(refused(huge.end()), "workgroup memory is not known"));
}

TEST_CASE("what is no module is refused") {
  CHECK(contains(refused({}), "do not begin like a SPIR-V module"));
  const auto whole = embedded_shader("fill");
  std::vector<uint32_t> words(whole.begin(), whole.end());
  for (size_t size = 0; size < words.size(); ++size) (void)reflect(std::span(words).first(size));
  CHECK(contains(refused(std::span(words).first(6)), "beyond the end"));
  std::vector<uint32_t> broken = words;
  broken[0] = 0x03022307;
  CHECK(contains(refused(broken), "do not begin like"));
  broken = words;
  broken[5] &= 0xffff;  // an instruction of no words
  CHECK(contains(refused(broken), "beyond the end"));
  Module empty;
  CHECK(contains(refused(empty.end()), "no compute entry point"));
}
