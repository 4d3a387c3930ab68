// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaConsumer} from "../../../src/DodonaConsumer.sol";
import {SpamGate} from "../../../src/examples/SpamGate.sol";
import {IDodonaOracle} from "../../../src/interfaces/IDodonaOracle.sol";
import {IModelRegistry} from "../../../src/interfaces/IModelRegistry.sol";
import {Words} from "../../../src/libraries/Words.sol";
import {ExampleBase} from "../../ExampleBase.sol";

contract SpamGateTest is ExampleBase {
    int64 private constant THRESHOLD = 50;
    uint256 private constant DEPOSIT = 0.5 ether;
    uint256 private constant FEE = 0.01 ether;

    SpamGate private gate;
    bytes32 private filter;
    address private alice = makeAddr("alice");
    address private treasury = makeAddr("treasury");

    function setUp() public override {
        super.setUp();
        filter = _registerSmall(_spec(_public(32), 1));
        gate = new SpamGate(oracle, filter, DIRECT, THRESHOLD, DEPOSIT, treasury);
        vm.deal(alice, 100 ether);
    }

    function _public(uint32 length) private pure returns (IModelRegistry.Source[] memory sources) {
        sources = new IModelRegistry.Source[](1);
        sources[0] = IModelRegistry.Source({kind: 1, feedId: 0, length: length});
    }

    /// @dev Seven words a slot leave room for batches of two at most.
    function _registerSmall(IModelRegistry.ModelSpec memory spec) private returns (bytes32) {
        spec.vkDigests = new uint256[](1);
        spec.vkDigests[0] = 77;
        return _register(spec);
    }

    function _post(bytes memory content) private returns (bytes32) {
        vm.prank(alice);
        return gate.post{value: DEPOSIT + FEE}(content);
    }

    function _judge(bytes32 id, bytes memory content, int64 score, bool inDomain, bool unsaturated) private {
        IDodonaOracle.Slot memory slot = _slotOf(0, score, inDomain, unsaturated);
        slot.publicWords = gate.paramsOf(content).publicWords;
        _deliver(id, DIRECT, slot);
    }

    function _status(bytes32 id, SpamGate gate_) private view returns (uint256) {
        return uint256(gate_.postOf(id).status);
    }

    // ---------------------------------------------------------------- verdicts

    function testFuzz_theVerdictDecidesOverTheDeposit(int64 score, bytes calldata content) public {
        bytes memory text = content.length == 0 ? bytes("hello") : content.length > 200 ? content[:200] : content;
        bytes32 id = _post(text);
        assertEq(gate.postOf(id).contentHash, keccak256(text));
        assertEq(gate.postOf(id).author, alice);
        _judge(id, text, score, true, true);
        assertFalse(oracle.callbackFailed(id));
        bool spam = score >= THRESHOLD;
        assertEq(_status(id, gate), uint256(spam ? SpamGate.Status.Spam : SpamGate.Status.Published));
        assertEq(gate.creditOf(treasury), spam ? DEPOSIT : 0);
        assertEq(gate.creditOf(alice), spam ? 0 : DEPOSIT);
    }

    function testFuzz_noVerdictOutsideTheDomain(int64 score, bool inDomain) public {
        bytes32 id = _post("hello");
        _judge(id, "hello", score, inDomain, !inDomain);
        assertEq(_status(id, gate), uint256(SpamGate.Status.Undecided));
        assertEq(gate.creditOf(alice), DEPOSIT);
    }

    function test_depositsArePulled() public {
        bytes32 id = _post("hello");
        _judge(id, "hello", 0, true, true);
        uint256 before = alice.balance;
        vm.prank(alice);
        assertEq(gate.withdraw(), DEPOSIT);
        assertEq(alice.balance, before + DEPOSIT);
        assertEq(address(gate).balance, 0);
    }

    function testFuzz_revertsIfNothingToWithdraw(address who) public {
        vm.expectRevert(abi.encodeWithSelector(SpamGate.NothingToWithdraw.selector, who));
        vm.prank(who);
        gate.withdraw();
    }

    function test_revertsIfTheAuthorTakesNoEther() public {
        vm.deal(address(feeds), 1 ether);
        vm.prank(address(feeds));
        bytes32 id = gate.post{value: DEPOSIT + FEE}("hello");
        _judge(id, "hello", 0, true, true);
        vm.expectRevert(abi.encodeWithSelector(SpamGate.TransferFailed.selector, address(feeds), DEPOSIT));
        vm.prank(address(feeds));
        gate.withdraw();
    }

    // ----------------------------------------------------------------- binding

    /// @dev An independent count: each byte adds to the lane of its class, and to no other.
    function testFuzz_featuresCountThePostsBytes(bytes calldata content) public view {
        int64[] memory counts = gate.featuresOf(content);
        int64 total = 0;
        for (uint256 c = 0; c < 32; ++c) {
            int64 expected = 0;
            for (uint256 i = 0; i < content.length; ++i) {
                uint256 value = uint256(uint8(content[i]));
                if (value >= 8 * c && value < 8 * c + 8) ++expected;
            }
            assertEq(counts[c], expected);
            total += counts[c];
        }
        assertEq(uint64(total), content.length);
    }

    /// @dev The attack: spam is posted, and the verdict on something harmless is proved.
    function testFuzz_aVerdictOnOtherBytesIsRefused(bytes calldata content) public {
        bytes memory spam = "BUY NOW!!!";
        bytes memory other = content.length > 200 ? content[:200] : content;
        uint256[] memory words = Words.packInputs(gate.featuresOf(other));
        vm.assume(keccak256(abi.encode(words)) != keccak256(abi.encode(gate.paramsOf(spam).publicWords)));
        bytes32 id = _post(spam);
        Delivery memory d = _delivery(id, model, DIRECT);
        d.slots = _slots(_slotOf(0, 0, true, true));
        d.slots[0].publicWords = words;
        _expectFulfilRevert(_prove(d), abi.encodeWithSelector(IDodonaOracle.PublicWordsMismatch.selector, id));
    }

    function testFuzz_revertsIfAnswererIsNotTheOracle(address caller) public {
        vm.assume(caller != address(oracle));
        bytes32 id = _post("hello");
        vm.expectRevert(abi.encodeWithSelector(DodonaConsumer.CallerNotOracle.selector, address(oracle), caller));
        vm.prank(caller);
        gate.onDodonaAnswer(id, _answerOf(0, 0));
    }

    // ----------------------------------------------------------------- posting

    function testFuzz_revertsIfLengthOutOfRange(uint256 length) public {
        length = bound(length, gate.MAX_LENGTH(), 2 * gate.MAX_LENGTH());
        if (length == gate.MAX_LENGTH()) length = 0;
        vm.expectRevert(abi.encodeWithSelector(SpamGate.LengthOutOfRange.selector, gate.MAX_LENGTH(), length));
        _post(new bytes(length));
    }

    function test_takesTheLongestPost() public {
        bytes32 id = _post(new bytes(gate.MAX_LENGTH()));
        assertEq(_status(id, gate), uint256(SpamGate.Status.Pending));
    }

    function testFuzz_revertsIfDepositMissing(uint256 value) public {
        value = bound(value, 0, DEPOSIT - 1);
        vm.expectRevert(abi.encodeWithSelector(SpamGate.DepositMissing.selector, DEPOSIT, value));
        vm.prank(alice);
        gate.post{value: value}("hello");
    }

    function testFuzz_revertsIfFeeTooLow(uint256 fee) public {
        uint256 least = oracle.quote(gate.paramsOf("hello"));
        fee = bound(fee, 0, least - 1);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.FeeTooLow.selector, least, fee));
        vm.prank(alice);
        gate.post{value: DEPOSIT + fee}("hello");
    }

    // -------------------------------------------------------------- reclaiming

    function testFuzz_reclaimedIfNobodyAnswers(uint64 wait, address caller) public {
        bytes32 id = _post("hello");
        vm.warp(START + gate.TIME_TO_ANSWER() + bound(wait, 1, 3650 days));
        vm.prank(caller);
        gate.reclaim(id);
        assertEq(gate.creditOf(alice), DEPOSIT);
        assertEq(_status(id, gate), uint256(SpamGate.Status.Reclaimed));
        oracle.refund(id);
        assertEq(_credit(alice), FEE);
    }

    function testFuzz_revertsIfReclaimedEarly(uint64 wait) public {
        bytes32 id = _post("hello");
        uint256 deadline = START + gate.TIME_TO_ANSWER();
        vm.warp(bound(wait, START, deadline));
        vm.expectRevert(abi.encodeWithSelector(SpamGate.DeadlineNotPassed.selector, id, deadline, block.timestamp));
        gate.reclaim(id);
    }

    function testFuzz_revertsIfReclaimedPostIsNotPending(int64 score, bytes32 unknown) public {
        bytes32 id = _post("hello");
        vm.assume(unknown != id);
        _judge(id, "hello", score, true, true);
        SpamGate.Status status = gate.postOf(id).status;
        vm.warp(START + 1 days);
        vm.expectRevert(abi.encodeWithSelector(SpamGate.NotPending.selector, id, status));
        gate.reclaim(id);
        vm.expectRevert(abi.encodeWithSelector(SpamGate.NotPending.selector, unknown, SpamGate.Status.None));
        gate.reclaim(unknown);
    }

    /// @dev A verdict that comes after the deposit went back pays nobody a second time.
    function testFuzz_revertsIfJudgedAfterReclaiming(int64 score) public {
        bytes32 id = _post("hello");
        vm.warp(START + 1 days);
        gate.reclaim(id);
        vm.expectRevert(abi.encodeWithSelector(SpamGate.NotPending.selector, id, SpamGate.Status.Reclaimed));
        vm.prank(address(oracle));
        gate.onDodonaAnswer(id, _answerOf(0, score));
    }

    // ------------------------------------------------------------------ set-up

    function testFuzz_refusesUnfitModels(uint8 way) public {
        way = uint8(bound(way, 0, 3));
        bytes32 id = way == 0 ? model : quorumModel;
        if (way == 1) id = _registerSmall(_spec(_public(32), 2));
        if (way == 2) id = _registerSmall(_spec(_public(31), 1));
        vm.expectRevert(abi.encodeWithSelector(SpamGate.BadModel.selector, id));
        new SpamGate(oracle, id, DIRECT, THRESHOLD, DEPOSIT, treasury);
    }

    function test_refusesACommittedSource() public {
        IModelRegistry.ModelSpec memory spec = _spec(_committed(1), 1);
        spec.sources[0].feedId = _feedOf(32, PERIOD);
        spec.sources[0].length = 32;
        bytes32 id = _register(spec);
        vm.expectRevert(abi.encodeWithSelector(SpamGate.BadModel.selector, id));
        new SpamGate(oracle, id, DIRECT, THRESHOLD, DEPOSIT, treasury);
    }

    function test_refusesNoBeneficiary() public {
        vm.expectRevert(SpamGate.ZeroBeneficiary.selector);
        new SpamGate(oracle, filter, DIRECT, THRESHOLD, DEPOSIT, address(0));
    }
}
