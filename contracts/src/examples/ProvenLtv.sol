// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaConsumer} from "../DodonaConsumer.sol";
import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";

contract ProvenLtv is DodonaConsumer {
    bytes32 public immutable modelId;
    int64 public ltv; // × 10^outputDecimals of the model
    uint64 public observedAt;

    constructor(IDodonaOracle oracle, bytes32 modelId_) DodonaConsumer(oracle) {
        modelId = modelId_;
    }

    function ask() external payable returns (bytes32) {
        IDodonaOracle.RequestParams memory params;
        params.modelId = modelId; // mode 0: direct
        params.deadline = uint64(block.timestamp + 20 minutes);
        params.maxDataAge = 10 minutes; // age of the data when asked
        params.maxDeliveryAge = 30 minutes; // age of the data when delivered
        params.callbackGasLimit = 100_000;
        params.refundTo = msg.sender;
        return _ask(params, msg.value); // at least dodona.quote(params)
    }

    function _onAnswer(bytes32, IDodonaOracle.Answer calldata answer) internal override {
        require(answer.inDomain && answer.unsaturated, "the model has no opinion");
        require(answer.observedAt > observedAt, "not newer than what is here");
        (ltv, observedAt) = (answer.outputs[0], answer.observedAt);
    }

    function current() external view returns (int64) {
        require(block.timestamp <= observedAt + 1 hours, "stale");
        return ltv;
    }
}
