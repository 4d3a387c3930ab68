// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IOperatorStaking} from "../../src/interfaces/IOperatorStaking.sol";
import {OracleHandler} from "./OracleHandler.sol";

/// @notice Lets the handler alone act.
abstract contract OracleInvariantBase is Test {
    OracleHandler internal handler;
    IDodonaOracle internal subject;
    IOperatorStaking internal staking;

    function setUp() public {
        handler = new OracleHandler();
        subject = handler.getOracle();
        staking = handler.getStaking();
        bytes4[] memory verbs = new bytes4[](12);
        verbs[0] = OracleHandler.ask.selector;
        verbs[1] = OracleHandler.answer.selector;
        verbs[2] = OracleHandler.giveBack.selector;
        verbs[3] = OracleHandler.retry.selector;
        verbs[4] = OracleHandler.withdraw.selector;
        verbs[5] = OracleHandler.rule.selector;
        verbs[6] = OracleHandler.pass.selector;
        verbs[7] = OracleHandler.accept.selector;
        verbs[8] = OracleHandler.settle.selector;
        verbs[9] = OracleHandler.unstake.selector;
        verbs[10] = OracleHandler.freeze.selector;
        verbs[11] = OracleHandler.increase.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: verbs}));
    }

    /// @dev One sequence that reaches every end: otherwise the invariants might hold for nothing.
    function _reachAll() internal {
        handler.ask(0, 0, 7_000, 0, true, false);
        handler.ask(1, 5, 7_000, 0, false, true);
        handler.increase(1, 7);
        handler.accept(2, 0, 0);
        handler.answer(2, 0, true);
        handler.answer(3, 1, false);
        handler.ask(0, 9, 1, 1, true, false);
        handler.accept(5, 1, 1);
        handler.pass(2_000);
        handler.giveBack(2);
        for (uint256 i = 0; i < 3; ++i) {
            handler.pass(2_400);
        }
        handler.settle(2);
        handler.ask(0, 0, 7_000, 0, false, false);
        handler.accept(2, 0, 1);
        handler.freeze(0);
        handler.giveBack(3);
        handler.withdraw(0, false);
        handler.withdraw(0, true);
        handler.withdraw(1, true);
        handler.unstake(0, 1, false);
        handler.rule(1, 1, false, false);
    }
}
