// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {Ask} from "../../src/examples/Ask.sol";
import {Base} from "../Base.sol";

/// @notice The README's example, asked and answered.
contract AskTest is Base {
    function test_theReadmesExampleReceivesAnAnswer() public {
        Ask ask = new Ask(oracle);
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.callbackGasLimit = 100_000;
        uint256 fee = oracle.quote(params);
        vm.deal(address(this), fee);
        bytes32 id = ask.ask{value: fee}(params);
        _fulfil(_prove(_delivery(id, model, DIRECT)));
        assertFalse(oracle.callbackFailed(id));
        assertEq(ask.ltvBp(), oracle.answerOf(id).outputs[0]);
        assertNotEq(ask.ltvBp(), 0);
    }

    function test_theReadmeShowsThisExample() public {
        string memory readme = vm.readFile("../README.md");
        string memory source = vm.readFile("src/examples/Ask.sol");
        uint256 from = vm.indexOf(source, "contract Ask");
        bytes memory body = new bytes(bytes(source).length - from);
        for (uint256 i = 0; i < body.length; ++i) {
            body[i] = bytes(source)[from + i];
        }
        assertTrue(vm.contains(readme, string(body)), "README.md differs from src/examples/Ask.sol");
    }
}
