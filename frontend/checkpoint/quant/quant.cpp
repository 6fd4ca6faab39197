#include "frontend/checkpoint/quant/quant.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

#include "frontend/checkpoint/quant/codec.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

using quant::Decode;
using quant::Encode;

constexpr uint64_t kElementsAThread = uint64_t(1) << 16;  // fewer are not worth a thread

void decode_f32(const std::byte* bytes, float* value) { std::memcpy(value, bytes, 4); }
void decode_f16(const std::byte* bytes, float* value) { *value = f16_to_f32(load<uint16_t>(bytes)); }
void decode_bf16(const std::byte* bytes, float* value) { *value = bf16_to_f32(load<uint16_t>(bytes)); }
void encode_f32(const float* value, std::byte* bytes) { std::memcpy(bytes, value, 4); }
void encode_f16(const float* value, std::byte* bytes) {
  const uint16_t half = f32_to_f16(*value);
  std::memcpy(bytes, &half, 2);
}
void encode_bf16(const float* value, std::byte* bytes) {
  const uint16_t half = f32_to_bf16(*value);
  std::memcpy(bytes, &half, 2);
}

struct Codec {
  DType type;
  Decode decode;
  Encode encode;  // null: the type is only read
};
constexpr Codec kCodecs[] = {
    {DType::f32, decode_f32, encode_f32},
    {DType::f16, decode_f16, encode_f16},
    {DType::bf16, decode_bf16, encode_bf16},
    {DType::q8_0, quant::decode_q8_0, quant::encode_q8_0},
    {DType::q4_0, quant::decode_q4_0, quant::encode_q4_0},
    {DType::q4_1, quant::decode_q4_1, quant::encode_q4_1},
    {DType::q5_0, quant::decode_q5_0, quant::encode_q5_0},
    {DType::q5_1, quant::decode_q5_1, quant::encode_q5_1},
    {DType::q4_k, quant::decode_q4_k, quant::encode_q4_k},
    {DType::q5_k, quant::decode_q5_k, quant::encode_q5_k},
    {DType::q6_k, quant::decode_q6_k, quant::encode_q6_k},
    {DType::q2_k, quant::decode_q2_k, nullptr},
    {DType::q3_k, quant::decode_q3_k, nullptr},
    {DType::iq4_nl, quant::decode_iq4_nl, nullptr},
    {DType::iq4_xs, quant::decode_iq4_xs, nullptr},
    {DType::mxfp4, quant::decode_mxfp4, nullptr},
};

const Codec* find_codec(DType type) {
  for (const Codec& codec : kCodecs)
    if (codec.type == type) return &codec;
  return nullptr;
}

Status check_sizes(std::string_view op, DType type, uint64_t elements, uint64_t bytes) {
  const DTypeLayout form = layout(type);
  if (elements % form.block != 0 || elements / form.block != bytes / form.bytes || bytes % form.bytes != 0)
    return invalid(join("[", op, "] ", elements, " elements and ", bytes, " bytes of ", form.name,
                        " were given; a block has ", form.block, " elements in ", form.bytes, " bytes."));
  return Done{};
}

// Calls work(first, last) for parts of [0, blocks), each on a thread of its own.
void split(uint64_t blocks, uint64_t block_elements, unsigned threads,
           const std::function<void(uint64_t, uint64_t)>& work) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  const uint64_t parts = std::clamp<uint64_t>(blocks * block_elements / kElementsAThread, 1, threads);
  std::vector<std::thread> others;
  for (uint64_t part = 1; part < parts; ++part) {
    const uint64_t first = blocks * part / parts, last = blocks * (part + 1) / parts;
    try {
      others.emplace_back(work, first, last);
    } catch (const std::exception&) {  // the system has no more threads
      work(first, last);
    }
  }
  work(0, blocks / parts);
  for (std::thread& other : others) other.join();
}

}  // namespace

bool can_dequantise(DType type) { return find_codec(type) != nullptr; }

bool can_quantise(DType type) {
  const Codec* codec = find_codec(type);
  return codec && codec->encode;
}

Status dequantise(DType type, Bytes bytes, std::span<float> out, unsigned threads) {
  const Codec* codec = find_codec(type);
  if (!codec) return invalid(join("[dequantise] tensors of type ", name(type), " cannot be turned into f32."));
  LK_TRY(check_sizes("dequantise", type, out.size(), bytes.size()));
  const DTypeLayout form = layout(type);
  split(out.size() / form.block, form.block, threads, [&](uint64_t first, uint64_t last) {
    for (uint64_t i = first; i < last; ++i) codec->decode(bytes.data() + i * form.bytes, out.data() + i * form.block);
  });
  return Done{};
}

Status quantise(DType type, std::span<const float> values, std::span<std::byte> out, unsigned threads) {
  const Codec* codec = find_codec(type);
  if (!codec || !codec->encode) return invalid(join("[quantise] tensors of type ", name(type), " cannot be written."));
  LK_TRY(check_sizes("quantise", type, values.size(), out.size()));
  const DTypeLayout form = layout(type);
  if (form.block > 1 && !std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
    return invalid(join("[quantise] a value is infinite or not a number; ", form.name, " has no code for it."));
  split(values.size() / form.block, form.block, threads, [&](uint64_t first, uint64_t last) {
    for (uint64_t i = first; i < last; ++i) codec->encode(values.data() + i * form.block, out.data() + i * form.bytes);
  });
  return Done{};
}

}  // namespace lorikeet
