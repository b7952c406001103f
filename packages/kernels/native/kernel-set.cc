// The table the binding reads: name, how many outputs, buffers and numbers a kernel takes, and the function.
#include "kernel-list.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

static const Kernel table[] = {
    {"fill", 1, 1, 1, fill},
    {"copyRows", 1, 2, 4, copyRows},
    {"scale", 1, 2, 3, scale},
    {"add", 1, 3, 1, add},
    {"multiply", 1, 3, 2, multiply},
    {"sumRows", 1, 2, 4, sumRows},
    {"addBias", 1, 2, 3, addBias},
    {"scaleColumns", 1, 3, 5, scaleColumns},
    {"scaleRows", 1, 3, 3, scaleRows},
    {"rowNorms", 1, 2, 3, rowNorms},
    {"sumSquares", 1, 2, 2, sumSquares},
    {"dequantize4", 1, 6, 5, dequantize4},
    {"quantize4", 2, 4, 2, quantize4},
    {"dropout", 1, 2, 3, dropout},
    {"embed", 1, 3, 3, embed},
    {"embedBackward", 1, 3, 4, embedBackward},
    {"gatherRows", 1, 3, 2, gatherRows},
    {"scatterAddRows", 1, 3, 2, scatterAddRows},
    {"cacheAppend", 1, 3, 5, cacheAppend},
    {"rmsNorm", 2, 4, 4, rmsNorm},
    {"rmsNormBackward", 2, 6, 4, rmsNormBackward},
    {"swiglu", 1, 3, 3, swiglu},
    {"swigluBackward", 2, 5, 3, swigluBackward},
    {"geglu", 1, 3, 3, geglu},
    {"gegluBackward", 2, 5, 3, gegluBackward},
    {"activate", 1, 2, 2, activate},
    {"activateBackward", 1, 3, 2, activateBackward},
    {"softCap", 1, 2, 2, softCap},
    {"softCapBackward", 1, 3, 2, softCapBackward},
    {"headNormRope", 2, 7, 9, headNormRope},
    {"headNormRopeBackward", 2, 9, 8, headNormRopeBackward},
    {"attention", 2, 7, 12, attention},
    {"attentionBackward", 3, 11, 12, attentionBackward},
    {"attentionCached", 1, 6, 10, attentionCached},
    {"quantize8", 2, 3, 2, quantize8},
    {"matmul8", 1, 4, 5, matmul8},
    {"sampleTokens", 2, 8, 3, sampleTokens},
    {"tokenLogProbs", 5, 7, 2, tokenLogProbs},
    {"tokenLogProbsBackward", 1, 8, 2, tokenLogProbsBackward},
    {"adamw", 4, 5, 8, adamw},
    {"adamw8bit", 6, 9, 9, adamw8bit},
    {"lion", 3, 4, 6, lion},
    {"adafactor", 4, 5, 8, adafactor},
    {"sgd", 3, 4, 6, sgd},
};

#define TUIQIAO_TEXT(x) #x
#define TUIQIAO_NAME(x) TUIQIAO_TEXT(x)

extern const KernelSet kernelSet;
const KernelSet kernelSet = {TUIQIAO_NAME(TUIQIAO_ISA), table, sizeof(table) / sizeof(table[0]), portableGemm,
                             smallGemm, thinGemm, nullptr};

#if defined(__AVX512BF16__)
extern const KernelSet tileKernelSet;
const KernelSet tileKernelSet = {"amx_bf16", table, sizeof(table) / sizeof(table[0]), portableGemm, smallGemm,
                                 thinGemm, tileGemm};
#endif

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
