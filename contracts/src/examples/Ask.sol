// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaConsumer} from "../DodonaConsumer.sol";
import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";

contract Ask is DodonaConsumer {
    int64 public ltvBp;

    constructor(IDodonaOracle oracle) DodonaConsumer(oracle) {}

    function ask(IDodonaOracle.RequestParams calldata params) external payable returns (bytes32) {
        return _ask(params, msg.value); // at least dodona.quote(params)
    }

    function _onAnswer(bytes32, IDodonaOracle.Answer calldata answer) internal override {
        require(answer.inDomain, "outside the model's domain");
        ltvBp = answer.outputs[0];
    }
}
