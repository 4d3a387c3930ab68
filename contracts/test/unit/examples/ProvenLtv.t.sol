// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ProvenLtv} from "../../../src/examples/ProvenLtv.sol";
import {IDodonaOracle} from "../../../src/interfaces/IDodonaOracle.sol";
import {ExampleBase} from "../../ExampleBase.sol";

/// @notice The consumer of docs/integrate.md, asked and answered.
contract ProvenLtvTest is ExampleBase {
    ProvenLtv private ltv;
    bytes32 private ltvModel;

    function setUp() public override {
        super.setUp();
        ltvModel = _register(_spec(_committed(1), 1));
        ltv = new ProvenLtv(oracle, ltvModel);
    }

    function _ask() private returns (bytes32) {
        vm.prank(user);
        return ltv.ask{value: 0.01 ether}();
    }

    function _latest() private view returns (uint64) {
        return uint64(block.timestamp) / PERIOD * PERIOD;
    }

    function testFuzz_keepsAProvenValueWhileItIsFresh(int64 value, uint64 wait) public {
        bytes32 id = _ask();
        uint64 observedAt = _latest();
        _deliver(id, DIRECT, _slotOf(observedAt, value, true, true));
        assertFalse(oracle.callbackFailed(id));
        assertEq(ltv.current(), value);
        assertEq(ltv.observedAt(), observedAt);
        vm.warp(bound(wait, observedAt, observedAt + 1 hours));
        assertEq(ltv.current(), value);
    }

    function testFuzz_revertsIfStale(uint64 wait) public {
        _deliver(_ask(), DIRECT, _slotOf(_latest(), 7, true, true));
        vm.warp(ltv.observedAt() + 1 hours + bound(wait, 1, 3650 days));
        vm.expectRevert(bytes("stale"));
        ltv.current();
    }

    function testFuzz_revertsIfNotNewer(uint64 observedAt) public {
        _deliver(_ask(), DIRECT, _slotOf(_latest(), 7, true, true));
        bytes32 id = _ask();
        observedAt = uint64(bound(observedAt, 0, ltv.observedAt()));
        vm.expectRevert(bytes("not newer than what is here"));
        vm.prank(address(oracle));
        ltv.onDodonaAnswer(id, _answerOf(observedAt, 8));
    }

    function testFuzz_revertsWithoutAnOpinion(int64 value, bool inDomain) public {
        bytes32 id = _ask();
        IDodonaOracle.Answer memory answer = _answerOf(_latest(), value);
        (answer.inDomain, answer.unsaturated) = (inDomain, !inDomain);
        vm.expectRevert(bytes("the model has no opinion"));
        vm.prank(address(oracle));
        ltv.onDodonaAnswer(id, answer);
    }

    function test_refundedIfNobodyAnswers() public {
        bytes32 id = _ask();
        vm.warp(block.timestamp + 20 minutes + 1);
        oracle.refund(id);
        assertEq(_credit(user), 0.01 ether);
    }

    /// @dev The page shows it with the package's names in the imports; what follows them is the same.
    function test_thePageShowsThisConsumer() public {
        string memory page = vm.readFile("../docs/integrate.md");
        string memory source = vm.readFile("src/examples/ProvenLtv.sol");
        uint256 from = vm.indexOf(source, "contract ProvenLtv");
        bytes memory body = new bytes(bytes(source).length - from);
        for (uint256 i = 0; i < body.length; ++i) {
            body[i] = bytes(source)[from + i];
        }
        assertTrue(vm.contains(page, string(body)), "docs/integrate.md differs from src/examples/ProvenLtv.sol");
    }
}
