// Declarations of the kernels, one per entry of the table in kernel-set.cc.
#pragma once
#include "kernels.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// elementwise.cc
void fill(const Call& call);
void copyRows(const Call& call);
void scale(const Call& call);
void add(const Call& call);
void multiply(const Call& call);
void sumRows(const Call& call);
void addBias(const Call& call);
void scaleColumns(const Call& call);
void scaleRows(const Call& call);
void rowNorms(const Call& call);
void sumSquares(const Call& call);
void dropout(const Call& call);
// quantized.cc
void dequantize4(const Call& call);
void quantize4(const Call& call);
void adamw8bit(const Call& call);
void softCap(const Call& call);
void softCapBackward(const Call& call);
// rows.cc
void embed(const Call& call);
void embedBackward(const Call& call);
void gatherRows(const Call& call);
void scatterAddRows(const Call& call);
void cacheAppend(const Call& call);
// norm.cc
void rmsNorm(const Call& call);
void rmsNormBackward(const Call& call);
void swiglu(const Call& call);
void swigluBackward(const Call& call);
void geglu(const Call& call);
void gegluBackward(const Call& call);
void activate(const Call& call);
void activateBackward(const Call& call);
// rope.cc
void headNormRope(const Call& call);
void headNormRopeBackward(const Call& call);
// attention.cc, attention-cached.cc
void attention(const Call& call);
void attentionBackward(const Call& call);
void attentionCached(const Call& call);
// head.cc
void tokenLogProbs(const Call& call);
void tokenLogProbsBackward(const Call& call);
// sampling.cc
void sampleTokens(const Call& call);
// eight-bit.cc
void quantize8(const Call& call);
void matmul8(const Call& call);
// optimizer.cc
void adamw(const Call& call);
void lion(const Call& call);
void adafactor(const Call& call);
void sgd(const Call& call);
// gemm-portable.cc
void portableGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);
// gemm-shallow.cc
bool shallowGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);
// gemm-small.cc
bool smallGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);
// gemm-lanes.cc
bool laneGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);
// gemm-thin.cc
bool thinGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);
// gemm-amx.cc
bool tileGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
