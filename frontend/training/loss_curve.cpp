#include "frontend/training/loss_curve.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

namespace lorikeet {
namespace {

constexpr const char* kHeader = "step,epoch,ce,aux,rate,norm,tokens/s,eval loss\n";
constexpr size_t kFields = 8;
constexpr int kLeft = 60, kTop = 30, kWide = 640, kHigh = 280;
constexpr size_t kMostPoints = 640;  // drawn; more are averaged

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

template <class Value>
bool parse(std::string_view text, Value& value) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size();
}

std::optional<LossPoint> read_line(std::string_view line) {
  std::string_view fields[kFields];
  size_t count = 0;
  while (count < kFields) {
    const size_t comma = line.find(',');
    fields[count++] = line.substr(0, comma);
    if (comma == line.npos) break;
    line.remove_prefix(comma + 1);
  }
  LossPoint p;
  if (count != kFields || !parse(fields[0], p.step)) return std::nullopt;
  double* const numbers[] = {&p.epoch, &p.cross_entropy, &p.aux, &p.rate, &p.gradient_norm, &p.tokens_per_second};
  for (size_t i = 0; i < std::size(numbers); ++i)
    if (!parse(fields[1 + i], *numbers[i])) return std::nullopt;
  if (fields[7].empty()) return p;
  double evaluation;
  if (!parse(fields[7], evaluation)) return std::nullopt;
  p.evaluation = evaluation;
  return p;
}

struct Dot {
  double step, loss;
};

std::vector<Dot> averaged(std::span<const LossPoint> points) {
  const size_t width = std::max<size_t>(1, (points.size() + kMostPoints - 1) / kMostPoints);
  std::vector<Dot> dots;
  for (size_t first = 0; first < points.size(); first += width) {
    const auto group = points.subspan(first, std::min(width, points.size() - first));
    double sum = 0;
    for (const LossPoint& point : group) sum += point.cross_entropy;
    dots.push_back({double(group.back().step), sum / double(group.size())});
  }
  return dots;
}

}  // namespace

std::string loss_csv_line(const LossPoint& p) {
  return format("%llu,%.6g,%.9g,%.9g,%.9g,%.9g,%.6g,", static_cast<unsigned long long>(p.step), p.epoch,
                p.cross_entropy, p.aux, p.rate, p.gradient_norm, p.tokens_per_second) +
         (p.evaluation ? format("%.9g", *p.evaluation) : std::string()) + "\n";
}

std::string loss_csv(std::span<const LossPoint> points) {
  std::string text = kHeader;
  for (const LossPoint& point : points) text += loss_csv_line(point);
  return text;
}

std::vector<LossPoint> read_loss_csv(std::string_view text, uint64_t last_step) {
  std::vector<LossPoint> points;
  if (!text.starts_with(kHeader)) return points;
  text.remove_prefix(std::string_view(kHeader).size());
  for (size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
    const auto point = read_line(text.substr(0, end));
    if (!point || point->step > last_step) break;
    points.push_back(*point);
  }
  return points;
}

std::string loss_svg(std::span<const LossPoint> points) {
  const std::vector<Dot> learnt = averaged(points);
  std::vector<Dot> evaluated;
  for (const LossPoint& point : points)
    if (point.evaluation) evaluated.push_back({double(point.step), *point.evaluation});
  double most = 0;
  for (const std::vector<Dot>* dots : {&learnt, &std::as_const(evaluated)})
    for (const Dot& dot : *dots)
      if (std::isfinite(dot.loss)) most = std::max(most, dot.loss);
  if (most == 0) most = 1;
  const double last = points.empty() ? 1 : double(std::max<uint64_t>(points.back().step, 1));
  const auto x = [&](double step) { return kLeft + step / last * kWide; };
  const auto y = [&](double loss) { return kTop + kHigh - loss / most * kHigh; };

  std::string svg = format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='sans-serif' font-size='12'>\n"
      "<rect width='100%%' height='100%%' fill='white'/>\n",
      kLeft + kWide + 30, kTop + kHigh + 50);
  for (int i = 0; i <= 4; ++i) {
    const double loss = most * i / 4, step = last * i / 4;
    svg += format("<path d='M%d %.1fh%d' stroke='#ddd'/><text x='%d' y='%.1f' text-anchor='end'>%.3g</text>\n", kLeft,
                  y(loss), kWide, kLeft - 6, y(loss) + 4, loss);
    svg += format("<text x='%.1f' y='%d' text-anchor='middle'>%.0f</text>\n", x(step), kTop + kHigh + 18, step);
  }
  const auto line = [&](const std::vector<Dot>& dots, const char* colour) {
    svg += format("<polyline fill='none' stroke='%s' stroke-width='1.5' points='", colour);
    for (const Dot& dot : dots)
      if (std::isfinite(dot.loss)) svg += format("%.1f,%.1f ", x(dot.step), y(dot.loss));
    svg += "'/>\n";
  };
  line(learnt, "#27a");
  line(evaluated, "#c62");
  for (const Dot& dot : evaluated)
    if (std::isfinite(dot.loss))
      svg += format("<circle cx='%.1f' cy='%.1f' r='2.5' fill='#c62'/>\n", x(dot.step), y(dot.loss));
  svg += format("<text x='%d' y='18' fill='#27a'>cross entropy</text>", kLeft);
  if (!evaluated.empty()) svg += format("<text x='%d' y='18' fill='#c62'>on the other data</text>", kLeft + 110);
  svg +=
      format("<text x='%d' y='%d' text-anchor='middle'>steps</text>\n</svg>\n", kLeft + kWide / 2, kTop + kHigh + 40);
  return svg;
}

}  // namespace lorikeet
