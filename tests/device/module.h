// A small assembler of SPIR-V modules, for interfaces that no real kernel of Lorikeet has.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lorikeet::test {

// Writes a compute shader with an empty body. Ids are handed out by id(); the order of calls is the order of the
// module.
class Module {
 public:
  Module() : words_{0x07230203, 0x00010300, 0, 0, 0} { op(17, {1}); }  // OpCapability Shader

  uint32_t id() { return ++words_[3]; }
  void op(uint32_t code, const std::vector<uint32_t>& operands) {
    words_.push_back(code | uint32_t(operands.size() + 1) << 16);
    words_.insert(words_.end(), operands.begin(), operands.end());
  }
  static std::vector<uint32_t> text(std::string_view text) {
    std::vector<uint32_t> words(text.size() / 4 + 1, 0);
    std::memcpy(words.data(), text.data(), text.size());
    return words;
  }
  void op_text(uint32_t code, std::vector<uint32_t> operands, std::string_view string) {
    const auto words = text(string);
    operands.insert(operands.end(), words.begin(), words.end());
    op(code, operands);
  }

  // The entry point and a fixed local size. The function itself is written by end().
  void entry(uint32_t x = 1, uint32_t y = 1, uint32_t z = 1) {
    function_ = id();
    op(14, {0, 1});  // OpMemoryModel Logical GLSL450
    op_text(15, {5, function_}, "main");
    op(16, {function_, 17, x, y, z});
  }
  void decorate(uint32_t target, uint32_t decoration, const std::vector<uint32_t>& more = {}) {
    std::vector<uint32_t> operands = {target, decoration};
    operands.insert(operands.end(), more.begin(), more.end());
    op(71, operands);
  }

  // Decorations of a buffer block and its variable at a binding. Then declare_buffer() after the types.
  struct BufferIds {
    uint32_t array, block, variable;
    uint32_t storage_class;
  };
  BufferIds describe_buffer(uint32_t binding, uint32_t storage_class = 12, bool buffer_block = false) {
    const BufferIds ids{id(), id(), id(), storage_class};
    decorate(ids.array, 6, {4});
    op(72, {ids.block, 0, 35, 0});
    decorate(ids.block, buffer_block ? 3 : 2);
    decorate(ids.variable, 33, {binding});
    decorate(ids.variable, 34, {0});
    return ids;
  }
  uint32_t float_type() {
    if (!float_) op(22, {float_ = id(), 32});
    return float_;
  }
  uint32_t uint_type() {
    if (!uint_) op(21, {uint_ = id(), 32, 0});
    return uint_;
  }
  void declare_buffer(const BufferIds& ids) {
    op(29, {ids.array, float_type()});
    op(30, {ids.block, ids.array});
    const uint32_t pointer = id();
    op(32, {pointer, ids.storage_class, ids.block});
    op(59, {pointer, ids.variable, ids.storage_class});
  }

  std::vector<uint32_t> end() {
    const uint32_t nothing = id(), signature = id(), label = id();
    op(19, {nothing});
    op(33, {signature, nothing});
    op(54, {nothing, function_, 0, signature});
    op(248, {label});
    op(253, {});
    op(56, {});
    ++words_[3];  // the bound
    return words_;
  }

 private:
  std::vector<uint32_t> words_;
  uint32_t function_ = 0, float_ = 0, uint_ = 0;
};

// A kernel with `count` storage buffers.
inline std::vector<uint32_t> module_with_buffers(uint32_t count) {
  Module m;
  m.entry(64);
  std::vector<Module::BufferIds> buffers;
  for (uint32_t i = 0; i < count; ++i) buffers.push_back(m.describe_buffer(i));
  for (const auto& buffer : buffers) m.declare_buffer(buffer);
  return m.end();
}

// A kernel whose local size is three specialisation constants (ids 0, 1, 2; 64 x 1 x 1), with `float shared_[4 *
// size_x]`.
inline std::vector<uint32_t> module_with_constants() {
  Module m;
  m.entry(1);
  const uint32_t x = m.id(), y = m.id(), z = m.id(), size = m.id();
  m.decorate(x, 1, {0});
  m.decorate(y, 1, {1});
  m.decorate(z, 1, {2});
  m.decorate(size, 11, {25});
  const uint32_t uint_type = m.uint_type(), float_type = m.float_type(), vector = m.id(), four = m.id(),
                 length = m.id();
  m.op(23, {vector, uint_type, 3});
  m.op(50, {uint_type, x, 64});
  m.op(50, {uint_type, y, 1});
  m.op(50, {uint_type, z, 1});
  m.op(51, {vector, size, x, y, z});
  m.op(43, {uint_type, four, 4});
  m.op(52, {uint_type, length, 132, x, four});
  const uint32_t array = m.id(), pointer = m.id(), variable = m.id();
  m.op(28, {array, float_type, length});
  m.op(32, {pointer, 4, array});
  m.op(59, {pointer, variable, 4});
  return m.end();
}

}  // namespace lorikeet::test
